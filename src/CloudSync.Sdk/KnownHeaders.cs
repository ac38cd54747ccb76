namespace CloudSync.Sdk;

/// <summary>The names that nearly every record has: in memory each is one byte, and no string is made of it.</summary>
internal static class KnownHeaders
{
    private static readonly string[] Names =
    [
        CloudEvents.Id, CloudEvents.SpecVersion, CloudEvents.Source, CloudEvents.Type, CloudEvents.Time, CloudEvents.ContentType, CloudEvents.CorrelationId,
        CloudEvents.TraceParent, CloudEvents.TraceState,
    ];

    public static string Name(int index) => Names[index];

    /// <summary>The index of a name; -1 for any other. The lengths differ, all but two, so it is one comparison.</summary>
    public static int IndexOf(ReadOnlySpan<byte> utf8Name) => utf8Name.Length switch
    {
        5 when utf8Name.SequenceEqual("ce_id"u8) => 0,
        14 when utf8Name.SequenceEqual("ce_specversion"u8) => 1,
        9 when utf8Name.SequenceEqual("ce_source"u8) => 2,
        7 when utf8Name.SequenceEqual("ce_type"u8) => 3,
        7 when utf8Name.SequenceEqual("ce_time"u8) => 4,
        12 when utf8Name.SequenceEqual("content-type"u8) => 5,
        16 when utf8Name.SequenceEqual("ce_correlationid"u8) => 6,
        11 when utf8Name.SequenceEqual("traceparent"u8) => 7,
        10 when utf8Name.SequenceEqual("tracestate"u8) => 8,
        _ => -1,
    };
}
