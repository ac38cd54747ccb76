using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// librdkafka's functions that <see cref="BatchRecordReader"/> reads by, and those that <see cref="LibRdKafkaCheck"/> looks at them with, in the library that Confluent.Kafka has
/// loaded. See <c>rdkafka.h</c>, which documents each.
/// </summary>
/// <remarks>Those that only look something up in memory, and take no lock, do without the transition that a call of native code costs else.</remarks>
internal static unsafe partial class LibRdKafka
{
    private const string Library = "librdkafka";

    /// <summary>
    /// The names that Confluent.Kafka looks for. The plain library needs Kerberos' libsasl2.so.3, which Debian does not have; the next one does without. One that
    /// was built for the other C library must not even be tried: it may load, and then crash.
    /// </summary>
    private static readonly string[] LibraryNames =
        RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? ["alpine-librdkafka"] : [Library, "centos8-librdkafka"];

    static LibRdKafka() => NativeLibrary.SetDllImportResolver(typeof(LibRdKafka).Assembly, (name, _, searchPath) => name == Library ? Load(searchPath) : 0);

    /// <summary>Looks where the runtime looks for Confluent.Kafka's own imports, so that it finds the same file.</summary>
    /// <exception cref="DllNotFoundException">There is none that can be loaded.</exception>
    public static nint Load(DllImportSearchPath? searchPath)
    {
        foreach (var candidate in LibraryNames)
        {
            if (NativeLibrary.TryLoad(candidate, typeof(Library).Assembly, searchPath, out var handle))
                return handle;
        }

        throw new DllNotFoundException(
            $"The native library of Confluent.Kafka is needed, and none of {string.Join(", ", LibraryNames)} could be loaded on "
            + $"{RuntimeInformation.RuntimeIdentifier}. It comes with the package librdkafka.redist: look for it under runtimes/*/native beside "
            + $"{AppContext.BaseDirectory}, and for the libraries that it needs itself (on Linux: ldd).");
    }

    /// <summary><c>rd_kafka_message_t</c>, a record or an error in place of one.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public ErrorCode Error;
        public nint Topic;
        public int Partition;
        public byte* Value;
        public nuint ValueLength;
        public byte* Key;
        public nuint KeyLength;
        public long Offset;
        public nint Opaque;
    }

    [LibraryImport(Library, EntryPoint = "rd_kafka_version")]
    public static partial int Version();

    /// <summary>Threads of all clients that this copy of the library has made.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_thread_cnt")]
    public static partial int Threads();

    /// <summary>A reference to the queue of a consumer, in which its records and its callbacks wait. To be given back with <see cref="DestroyQueue"/>.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_get_consumer")]
    public static partial nint ConsumerQueue(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_destroy")]
    public static partial void DestroyQueue(nint queue);

    /// <summary>Waits until there are <paramref name="size"/> messages or the time is over, whichever is first, and runs the client's callbacks meanwhile.</summary>
    /// <returns>How many there are: each to be given back with <see cref="Destroy"/>.</returns>
    [LibraryImport(Library, EntryPoint = "rd_kafka_consume_batch_queue")]
    public static partial nint Consume(nint queue, int timeoutMs, Message** messages, nuint size);

    /// <summary>The headers belong to the message.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_message_headers")]
    public static partial ErrorCode Headers(Message* message, nint* headers);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "rd_kafka_header_get_all")]
    public static partial ErrorCode Header(nint headers, nuint index, byte** name, byte** value, nuint* valueLength);

    [SuppressGCTransition]
    [LibraryImport(Library, EntryPoint = "rd_kafka_message_timestamp")]
    public static partial long Timestamp(Message* message, int* type);

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_errstr")]
    public static partial byte* ErrorText(Message* message);

    /// <summary>What a client has failed for good with.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_fatal_error")]
    public static partial ErrorCode FatalError(nint client, byte* text, nuint length);

    [LibraryImport(Library, EntryPoint = "rd_kafka_message_destroy")]
    public static partial void Destroy(Message* message);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_new")]
    public static partial nint NewConf();

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SetConf(nint conf, string name, string value, byte* error, nuint errorLength);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_set_events")]
    public static partial void SetEvents(nint conf, int events);

    [LibraryImport(Library, EntryPoint = "rd_kafka_conf_destroy")]
    public static partial void DestroyConf(nint conf);

    /// <summary>Takes <paramref name="conf"/> over, unless it fails and returns 0.</summary>
    [LibraryImport(Library, EntryPoint = "rd_kafka_new")]
    public static partial nint NewClient(int type, nint conf, byte* error, nuint errorLength);

    [LibraryImport(Library, EntryPoint = "rd_kafka_destroy")]
    public static partial void DestroyClient(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_new", StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint NewTopic(nint client, string name, nint conf);

    [LibraryImport(Library, EntryPoint = "rd_kafka_topic_destroy")]
    public static partial void DestroyTopic(nint topic);

    [LibraryImport(Library, EntryPoint = "rd_kafka_produce")]
    public static partial int Produce(nint topic, int partition, int flags, byte* value, nuint valueLength, byte* key, nuint keyLength, nint opaque);

    [LibraryImport(Library, EntryPoint = "rd_kafka_purge")]
    public static partial ErrorCode Purge(nint client, int flags);

    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_get_main")]
    public static partial nint MainQueue(nint client);

    [LibraryImport(Library, EntryPoint = "rd_kafka_queue_poll")]
    public static partial nint PollQueue(nint queue, int timeoutMs);

    [LibraryImport(Library, EntryPoint = "rd_kafka_event_message_next")]
    public static partial Message* NextMessage(nint queueEvent);

    [LibraryImport(Library, EntryPoint = "rd_kafka_event_destroy")]
    public static partial void DestroyEvent(nint queueEvent);

    [LibraryImport(Library, EntryPoint = "rd_kafka_headers_new")]
    public static partial nint NewHeaders(nuint capacity);

    [LibraryImport(Library, EntryPoint = "rd_kafka_header_add")]
    public static partial ErrorCode AddHeader(nint headers, byte* name, nint nameLength, byte* value, nint valueLength);

    [LibraryImport(Library, EntryPoint = "rd_kafka_headers_destroy")]
    public static partial void DestroyHeaders(nint headers);
}
