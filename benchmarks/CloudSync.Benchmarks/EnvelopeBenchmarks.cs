using System.Text;
using BenchmarkDotNet.Attributes;
using Confluent.Kafka;

namespace CloudSync.Benchmarks;

/// <summary>The envelope of a message: written by the producer, copied out of the client's objects by the reader, and looked at. Per message.</summary>
[MemoryDiagnoser]
public class EnvelopeBenchmarks
{
    private const int Batch = 500;

    private readonly byte[] _payload = new byte[256];
    private readonly byte[] _key = "customer-17"u8.ToArray();
    private readonly ProducerEnvelope _binary = new(new CloudSyncProducerOptions(), TimeProvider.System);
    private readonly ProducerEnvelope _structured = new(new CloudSyncProducerOptions { Format = CloudEventsFormat.Structured }, TimeProvider.System);
    private readonly OutgoingRecord _record = new();
    private readonly RecordBatch _batch = new(Batch);
    private Headers _headers = [];
    private Delivery[] _deliveries = [];

    [GlobalSetup]
    public void Setup()
    {
        _headers = Messages.Envelope(Encoding.UTF8.GetBytes(Guid.CreateVersion7().ToString()));
        var progress = new PartitionProgress("data-topic", 0, 1);
        _deliveries = [.. Messages.Make(Batch, keys: Batch).Select(record => new Delivery(record, progress, lane: 0))];
    }

    /// <summary>Six headers, with an id that is made.</summary>
    [Benchmark]
    public long WriteBinary() => Write(_binary);

    /// <summary>JSON around the payload, with an id that is made.</summary>
    [Benchmark]
    public long WriteStructured() => Write(_structured);

    /// <summary>Key, value and six headers of a record, copied.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int Read()
    {
        _batch.Clear();
        for (var i = 0; i < Batch; i++)
        {
            _batch.BeginRecord(_key, isNull: false);
            _batch.AddBody(_payload, isNull: false, _headers);
            _batch.EndRecord(partition: 0, offset: i, timestampMs: 0);
        }

        return _batch.Count;
    }

    /// <summary>The bytes of the id, by which a copy is recognised.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int FindId()
    {
        var length = 0;
        foreach (var delivery in _deliveries)
            length += delivery.TryGetIdBytes(out var id) ? id.Length : 0;

        return length;
    }

    /// <summary>All headers, one after the other, as text.</summary>
    [Benchmark(OperationsPerInvoke = Batch)]
    public int ReadHeaders()
    {
        var length = 0;
        foreach (var delivery in _deliveries)
        {
            foreach (var header in delivery.Headers)
                length += header.ValueAsString.Length;
        }

        return length;
    }
    private long Write(ProducerEnvelope envelope)
    {
        envelope.Write(new OutgoingMessage(_payload) { Key = "customer-17" }, trace: null, _record);
        var size = _record.WireSize;

        // As the producer does once the client has its own copy.
        _record.TakeContent().Give();
        return size;
    }
}
