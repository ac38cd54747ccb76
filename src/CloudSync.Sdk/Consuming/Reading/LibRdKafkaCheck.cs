using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Whether this process' librdkafka is the one that <see cref="BatchRecordReader"/> was written for: looked at once, before a record is read through it. A field that lies elsewhere than
/// we think would be a crash, or, worse, another record's bytes.
/// </summary>
internal static unsafe class LibRdKafkaCheck
{
    private const int Major = 2;
    private const int TypeProducer = 0;
    private const int EventDeliveryReport = 1;
    private const int CopyPayload = 2;
    private const int PurgeQueue = 1;
    private const int TextLength = 512;
    private const int Patience = 10_000;
    private const ErrorCode NoHeaders = (ErrorCode)(-156);

    /// <summary>What the reader calls and the check does not: one that were missing would be found out in the middle of a read.</summary>
    internal static readonly string[] Uncalled = ["rd_kafka_queue_get_consumer", "rd_kafka_consume_batch_queue", "rd_kafka_message_destroy", "rd_kafka_fatal_error"];

    private static readonly Lazy<string?> FoundOnce = new(() => Guarded(Find));

    /// <summary>What is not as expected; <see langword="null"/> when all is well. To be asked after the first client of Confluent.Kafka was made.</summary>
    public static string? Unfit => FoundOnce.Value;

    /// <summary>What a look finds, or why it could not be had.</summary>
    internal static string? Guarded(Func<string?> look)
    {
        try
        {
            return look();
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return e.Message;
        }
        catch (TypeInitializationException e)
        {
            // Somebody has set a resolver of native libraries for our assembly already: there can be one only.
            return $"librdkafka's functions can't be set up: {e.InnerException?.Message ?? e.Message}";
        }
    }

    private static string? Find()
    {
        var version = LibRdKafka.Version();
        if (version != Library.Version)
            return $"the library found is version {version:x8}, and the one that Confluent.Kafka has loaded is {Library.Version:x8}";

        if (version >> 24 != Major)
            return $"librdkafka is version {version:x8}, and not {Major}.x";

        // Its clients would be strangers to another copy of the library, and their pointers no good there.
        if (LibRdKafka.Threads() == 0)
            return "Confluent.Kafka has loaded another copy of the library";

        return OfExports(LibRdKafka.Load(null), Uncalled) ?? OfHeaders() ?? OfMessage();
    }

    /// <summary>Looks for functions by their names.</summary>
    internal static string? OfExports(nint library, IEnumerable<string> names) =>
        names.FirstOrDefault(name => !NativeLibrary.TryGetExport(library, name, out _)) is { } missing ? $"the library has no function {missing}" : null;

    /// <summary>Puts a header into a list, and looks whether it is found there.</summary>
    private static string? OfHeaders()
    {
        var headers = LibRdKafka.NewHeaders(1);
        try
        {
            byte* name, value;
            nuint length;
            fixed (byte* n = "name"u8, v = "value"u8)
                LibRdKafka.AddHeader(headers, n, 4, v, 5);

            return LibRdKafka.Header(headers, 0, &name, &value, &length) == ErrorCode.NoError
                && MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name).SequenceEqual("name"u8)
                && new ReadOnlySpan<byte>(value, checked((int)length)).SequenceEqual("value"u8)
                && LibRdKafka.Header(headers, 1, &name, &value, &length) != ErrorCode.NoError
                ? null
                : "headers don't lie as expected";
        }
        finally
        {
            LibRdKafka.DestroyHeaders(headers);
        }
    }

    /// <summary>
    /// Gives a message to a producer that knows no broker, has it thrown away, and looks whether its report has every field where it should be. No byte goes over a network.
    /// </summary>
    private static string? OfMessage()
    {
        var text = stackalloc byte[TextLength];
        var conf = LibRdKafka.NewConf();
        LibRdKafka.SetEvents(conf, EventDeliveryReport);

        // Without bootstrap servers, which it does not need, it would begin with a notice on stderr.
        LibRdKafka.SetConf(conf, "log_level", "3", text, TextLength);
        var client = LibRdKafka.NewClient(TypeProducer, conf, text, TextLength);
        if (client == 0)
        {
            LibRdKafka.DestroyConf(conf);
            return $"no client can be made: {Marshal.PtrToStringUTF8((nint)text)}";
        }

        var topic = LibRdKafka.NewTopic(client, "layout", 0);
        var queue = LibRdKafka.MainQueue(client);
        try
        {
            fixed (byte* key = "key"u8, value = "a value"u8)
            {
                if (LibRdKafka.Produce(topic, partition: 3, CopyPayload, value, 7, key, 3, opaque: 0x1234) != 0)
                    return "a message was not taken";
            }

            LibRdKafka.Purge(client, PurgeQueue);
            var report = LibRdKafka.PollQueue(queue, Patience);
            if (report == 0)
                return "a message was not reported";

            try
            {
                return IsAsExpected(LibRdKafka.NextMessage(report), topic) ? null : "a message's fields don't lie as expected";
            }
            finally
            {
                LibRdKafka.DestroyEvent(report);
            }
        }
        finally
        {
            LibRdKafka.DestroyQueue(queue);
            LibRdKafka.DestroyTopic(topic);
            LibRdKafka.DestroyClient(client);
        }
    }

    private static bool IsAsExpected(LibRdKafka.Message* message, nint topic)
    {
        // The lengths come first: a pointer is only followed when they are right.
        nint headers;
        int type;
        return message is not null
            && message->Error == ErrorCode.Local_PurgeQueue
            && message->Topic == topic
            && message->Partition == 3
            && message->Offset == Offset.Unset
            && message->Opaque == 0x1234
            && message->KeyLength == 3
            && message->ValueLength == 7
            && new ReadOnlySpan<byte>(message->Key, 3).SequenceEqual("key"u8)
            && new ReadOnlySpan<byte>(message->Value, 7).SequenceEqual("a value"u8)
            && LibRdKafka.Headers(message, &headers) == NoHeaders
            && LibRdKafka.Timestamp(message, &type) == -1
            && LibRdKafka.ErrorText(message) is not null;
    }
}
