using CloudSync.Fuzzing;

namespace CloudSync.Sdk.Tests;

/// <summary>A record spelt in bytes: key, value and headers between bars, a tilde for a key or a value that is not there, a header without a value where there is no equals sign.</summary>
internal sealed record FuzzedRecord(byte[]? Key, byte[]? Value, IReadOnlyList<(byte[] Name, byte[]? Value)> Headers)
{
    public static IReadOnlyList<byte[]> Seeds { get; } =
    [
        .. Fuzz.Texts(
            "key|{\"a\":1}|ce_specversion=1.0|ce_id=4f3a|ce_source=/orders|ce_type=order.placed|ce_time=2026-11-23T12:00:00.0000000Z|content-type=application/json|x-own=1",
            "~|~|ce_id=1",
            "|",
            "k|text|ce_id=|ce_id|ce_id=2|=no name||content-type=text/plain; charset=utf-8|ce_correlationid=c|ce_time=23.11.2026",
            "k|{\"specversion\":\"1.0\",\"id\":\"e\",\"source\":\"s\",\"type\":\"t\",\"x\":\"\\u00e4\",\"data\":{\"a\":[1]}}|content-type=application/cloudevents+json; charset=UTF-8|ce_id=other|X=1",
            "k| [1, 2] |ce_Partitionkey=p|ce_more=ä€😀|ce_data=1|ce_cloudsynctombstone=1|ce_time=0001-01-01T00:00:00+14:00|traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01|tracestate=a=b",
            "k|\"\\ud800\"|ce_traceparent=1|ce_tracestate=2|ce_time=9999-12-31T23:59:59.9999999-14:00|content-type=application/x+json|cloudsync-redrive-group=g"),
        [.. "k|"u8, 0xFF, 0xC3, (byte)'|', .. "ce_id="u8, 0xC3, (byte)'|', 0x80, (byte)'=', 0xED, 0xA0, 0x80, .. "|ce_type="u8, 0xFF, .. "|ce_more="u8, 0xC0, 0x80],
    ];

    public static FuzzedRecord Of(byte[] input)
    {
        var parts = new List<byte[]>();
        foreach (var range in input.AsSpan().Split((byte)'|'))
            parts.Add(input[range]);

        return new FuzzedRecord(OrNone(parts[0]), parts.Count > 1 ? OrNone(parts[1]) : null, [.. parts.Skip(2).Select(HeaderOf)]);
    }

    private static byte[]? OrNone(byte[] part) => part is [(byte)'~'] ? null : part;

    private static (byte[] Name, byte[]? Value) HeaderOf(byte[] part) => Array.IndexOf(part, (byte)'=') is >= 0 and var at ? (part[..at], part[(at + 1)..]) : (part, null);
}
