using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>
/// Reads many records in one call of librdkafka, from the queue of the consumer that Confluent.Kafka has made. Everything else stays Confluent.Kafka's: subscribing, rebalances, commits, pauses,
/// errors; its callbacks run inside the read, as they do inside <c>Consume</c>.
/// </summary>
/// <remarks>
/// What it saves is an object for each record, one for each header, and their strings: a record is copied once, from the client's memory to ours. Half of the cost of reading with six headers.
/// </remarks>
internal sealed unsafe class BatchRecordReader : IRecordReader
{
    private const int TextLength = 512;

    private readonly SafeHandle _client;
    private readonly ConsumeRecordReader _waiting;
    private readonly LibRdKafka.Message*[] _messages = new LibRdKafka.Message*[CallSize.Most];
    private readonly List<HeaderPlace> _headers = [];
    private CallSize _callSize;
    private nint _queue;

    private BatchRecordReader(IConsumer<int, int> consumer, SafeHandle client)
    {
        _waiting = new ConsumeRecordReader(consumer);
        var held = false;
        client.DangerousAddRef(ref held);
        _client = client;
        _queue = LibRdKafka.ConsumerQueue(client.DangerousGetHandle());
    }

    /// <summary>A reader of this consumer's records.</summary>
    /// <param name="consumer">The consumer, which nobody else may poll.</param>
    /// <param name="unfit">What is not as expected; <see langword="null"/> when there is a reader.</param>
    /// <returns><see langword="null"/> when something is not as expected; then nothing was touched, and <c>Consume</c> reads.</returns>
    public static BatchRecordReader? TryCreate(IConsumer<int, int> consumer, out string? unfit)
    {
        try
        {
            if (NativeClient(consumer.Handle) is not SafeHandle { IsInvalid: false } client)
                unfit = "the consumer has no native handle";
            else if ((unfit = LibRdKafkaCheck.Unfit) is null)
                return new BatchRecordReader(consumer, client);
        }
        catch (Exception e) when (e is MissingMemberException or TypeLoadException or NotSupportedException)
        {
            unfit = e.Message;
        }

        return null;
    }

    public void Read(RecordBatch batch, int max, long maxBytes, TimeSpan timeout)
    {
        var limit = Math.Min(max, batch.Capacity);

        // The call waits for as many as it is asked for, so it is asked for what is there. When that is nothing, Consume waits for the first: by it alone Confluent.Kafka tells of an exception in
        // its rebalance callback, after which it owns nothing, and without it this member would wait for ever.
        if (Take(batch, limit, maxBytes) == 0)
            _waiting.Read(batch, 1, maxBytes, timeout);

        while (batch.Count > 0 && batch.Count < limit && batch.Bytes < maxBytes && Take(batch, limit - batch.Count, maxBytes - batch.Bytes) > 0)
        {
        }
    }

    public void Dispose()
    {
        if (_queue == 0)
            return;

        LibRdKafka.DestroyQueue(_queue);
        _queue = 0;
        _client.DangerousRelease();
    }

    /// <returns>How many messages there were, errors among them.</returns>
    private int Take(RecordBatch batch, int max, long maxBytes)
    {
        ObjectDisposedException.ThrowIf(_queue == 0, this);
        fixed (LibRdKafka.Message** messages = _messages)
        {
            var count = (int)LibRdKafka.Consume(_queue, timeoutMs: 0, messages, (nuint)Math.Min(max, _callSize.For(maxBytes)));
            var (at, records, largest) = (0, batch.Count, 0L);
            try
            {
                for (; at < count; at++)
                {
                    var before = batch.Bytes;
                    Copy(batch, messages[at]);
                    LibRdKafka.Destroy(messages[at]);
                    largest = Math.Max(largest, batch.Bytes - before);
                }

                if (batch.Count > records)
                    _callSize.Seen(largest);
            }
            finally
            {
                // Only when a copy has failed, for want of memory: the client is built anew then, and what is left was never ours.
                for (; at < count; at++)
                    LibRdKafka.Destroy(messages[at]);
            }

            return count;
        }
    }

    private void Copy(RecordBatch batch, LibRdKafka.Message* message)
    {
        if (message->Error != ErrorCode.NoError)
        {
            batch.Fail(ErrorOf(message));
            return;
        }

        nint headers = 0;
        if (LibRdKafka.Headers(message, &headers) != ErrorCode.NoError)
            headers = 0;

        int timestampType;
        var length = Find(headers);
        batch.BeginRecord(new ReadOnlySpan<byte>(message->Key, (int)message->KeyLength), message->Key is null, (int)message->ValueLength + length);
        batch.AddValue(new ReadOnlySpan<byte>(message->Value, (int)message->ValueLength), message->Value is null, length);
        foreach (ref readonly var header in CollectionsMarshal.AsSpan(_headers))
            batch.AddHeader(new ReadOnlySpan<byte>(header.Name, header.NameLength), new ReadOnlySpan<byte>(header.Value, header.ValueLength), header.Value is null);

        batch.EndRecord(message->Partition, message->Offset, LibRdKafka.Timestamp(message, &timestampType));
    }

    /// <summary>Looks up where the headers of a record lie.</summary>
    /// <returns>How long they are, as they are copied.</returns>
    private int Find(nint headers)
    {
        _headers.Clear();
        var length = 0;
        byte* name, value;
        nuint valueLength;
        for (nuint i = 0; headers != 0 && LibRdKafka.Header(headers, i, &name, &value, &valueLength) == ErrorCode.NoError; i++)
        {
            var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
            length += MessageHeaders.EncodedLength(text, value is null ? -1 : (int)valueLength);
            _headers.Add(new HeaderPlace(name, text.Length, value, (int)valueLength));
        }

        return length;
    }

    /// <summary>As Confluent.Kafka makes it.</summary>
    private Error ErrorOf(LibRdKafka.Message* message)
    {
        if (message->Error != ErrorCode.Local_Fatal)
            return new Error(message->Error, Marshal.PtrToStringUTF8((nint)LibRdKafka.ErrorText(message)));

        var text = stackalloc byte[TextLength];
        var code = LibRdKafka.FatalError(_client.DangerousGetHandle(), text, TextLength);
        return new Error(code, Marshal.PtrToStringUTF8((nint)text), isFatal: true);
    }

    /// <summary>Confluent.Kafka keeps the native handle to itself. By name, and checked when it is first called: it is trim-safe, and needs no reflection.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_LibrdkafkaHandle")]
    [return: UnsafeAccessorType("Confluent.Kafka.Impl.SafeKafkaHandle, Confluent.Kafka")]
    private static extern object NativeClient(Handle handle);

    private readonly struct HeaderPlace(byte* name, int nameLength, byte* value, int valueLength)
    {
        public readonly byte* Name = name;
        public readonly int NameLength = nameLength;
        public readonly byte* Value = value;
        public readonly int ValueLength = valueLength;
    }
}
