using System.Diagnostics;
using System.Text;
using Confluent.Kafka;

namespace CloudSync.Sdk;

/// <summary>A record between its being produced and its acknowledgement.</summary>
internal sealed class OutgoingRecord
{
    /// <summary>
    /// What a record takes beside its bytes, here and in the client: most of what a small one takes. Measured as the growth of the process with 50,000 records
    /// under way, of 0 to 2,000 bytes and 6 to 26 headers; counted so, they are within 4 % of it.
    /// </summary>
    public const int Overhead = 768;

    private const int HeaderOverhead = 64;

    private string? _id;
    private Guid _madeId;
    private bool _isValueBorrowed;
    private int _isSettled;

    public OutgoingRecord() => OnReport = report => Reported?.Invoke(this, report);

    /// <summary>Its id. One that was made for it is made text when somebody asks.</summary>
    public string Id => _id ??= _madeId.ToString();

    /// <summary>What is to be sent; <see langword="null"/> once the client has its own copy, so that ours need not be held for as long as the brokers take.</summary>
    public RecordContent? Content { get; private set; }

    /// <summary>Bytes of key, value and headers.</summary>
    public long WireSize { get; private set; }

    /// <summary>Bytes of memory, about.</summary>
    public long Size { get; private set; }

    public IProduceAcknowledgement? Acknowledgement { get; set; }

    public Activity? Activity { get; set; }

    /// <summary>When it was produced, by the clock of <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long ProducedAt { get; set; }

    /// <summary>Hears what became of it.</summary>
    public Action<OutgoingRecord, DeliveryReport<byte[]?, byte[]>>? Reported { get; set; }

    /// <summary>The client that has it; <see langword="null"/> while it waits for room, or was not taken.</summary>
    public ProducerClient? Client { get; set; }

    /// <summary>Its place among all records of a <see cref="ProducerBuffer"/>, whose own this and the next four are.</summary>
    public long Sequence { get; set; }

    public OutgoingRecord? Previous { get; set; }

    public OutgoingRecord? Next { get; set; }

    public OutgoingRecordList? List { get; set; }

    /// <summary>Ends when a record that waits is taken; <see langword="null"/> for one that never waited.</summary>
    public TaskCompletionSource? Taken { get; set; }

    /// <summary>What the client tells what became of it; one delegate for all records that this object carries.</summary>
    public Action<DeliveryReport<byte[]?, byte[]>> OnReport { get; }

    /// <summary>Takes what is to be sent.</summary>
    /// <param name="content">Key, value and headers.</param>
    /// <param name="id">The id, or <see langword="null"/> for <paramref name="madeId"/>.</param>
    /// <param name="madeId">The id that was made.</param>
    /// <param name="isValueBorrowed">Whether the value is the caller's own array.</param>
    public void Fill(RecordContent content, string? id, Guid madeId, bool isValueBorrowed)
    {
        var message = content.Message;
        var headers = message.Headers.BackingList;
        Content = content;
        (_id, _madeId, _isValueBorrowed, _isSettled) = (id, madeId, isValueBorrowed, 0);
        WireSize = (message.Key?.Length ?? 0) + (long)message.Value.Length;
        for (var i = 0; i < headers.Count; i++)
            WireSize += Encoding.UTF8.GetByteCount(headers[i].Key) + (headers[i].GetValueBytes()?.Length ?? 0);
        Size = WireSize + Overhead + headers.Count * HeaderOverhead;
    }

    /// <summary>It waits for room. Its bytes become its own: the caller may write over them once the call has returned. And nothing more than them is held.</summary>
    public void Keep()
    {
        Content?.Keep();
        if (_isValueBorrowed && Content is { } content)
            content.Message.Value = [.. content.Message.Value];
        _isValueBorrowed = false;
    }

    /// <summary>
    /// Hands the content over: once the client has taken the record, another thread may hear what became of it and use this object for the next one, before the call that gave it to the client returns.
    /// </summary>
    public RecordContent TakeContent()
    {
        var content = Content!;
        Content = null;
        return content;
    }

    /// <summary>The client has not taken the record after all.</summary>
    public void GiveContentBack(RecordContent content) => Content = content;

    /// <summary>Nobody holds it any more: it may carry another record. Until <see cref="Fill"/> it stays settled: it carries none that somebody could settle.</summary>
    public void Reset() => (_id, Content, Acknowledgement, Activity, Client) = (null, null, null, null, null);

    /// <summary>Whether somebody has said, or is just saying, what became of it.</summary>
    public bool IsSettled => Volatile.Read(ref _isSettled) != 0;

    /// <summary>Whether this is the first to say what became of it. A client that is given up may still report.</summary>
    public bool TrySettle() => Interlocked.Exchange(ref _isSettled, 1) == 0;
}

/// <summary>Records in a row, each knowing its neighbours, so that taking one out of the middle costs nothing.</summary>
internal sealed class OutgoingRecordList
{
    public OutgoingRecord? First { get; private set; }

    private OutgoingRecord? Last { get; set; }

    public void Add(OutgoingRecord record)
    {
        record.List = this;
        record.Previous = Last;
        if (Last is null)
            First = record;
        else
            Last.Next = record;
        Last = record;
    }

    public void Remove(OutgoingRecord record)
    {
        if (record.Previous is null)
            First = record.Next;
        else
            record.Previous.Next = record.Next;

        if (record.Next is null)
            Last = record.Previous;
        else
            record.Next.Previous = record.Previous;

        record.Previous = record.Next = null;
        record.List = null;
    }
}
