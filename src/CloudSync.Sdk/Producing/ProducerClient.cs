using Confluent.Kafka;
using Microsoft.Extensions.Logging;

namespace CloudSync.Sdk;

/// <summary>
/// One client of Kafka, which can be closed while others use it: the client itself must not be touched after its end, not even by a call that began before.
/// </summary>
internal sealed class ProducerClient
{
    private readonly IProducer<byte[]?, byte[]> _client;
    private readonly ReportPolling _reports;
    private readonly string _topic;
    private volatile Error? _fatal;
    private int _users;
    private int _isClosed;

    /// <exception cref="InvalidOperationException">The client does not take its settings.</exception>
    public ProducerClient(ProducerConfig config, string topic, KafkaErrors errors, ILogger log)
    {
        _topic = topic;
        try
        {
            _client = new ProducerBuilder<byte[]?, byte[]>(config)
                .SetLogHandler((_, entry) => log.ProducerClientSays(entry.Facility, entry.Message))
                .SetErrorHandler((_, error) =>
                {
                    if (error.IsFatal)
                        _fatal ??= error;
                    try
                    {
                        errors.Report(error);
                    }
                    catch (Exception)
                    {
                        // A logger that throws. The client would throw it from its next poll: on our thread, which would end the process, or at one who produces.
                    }
                })
                .Build();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or KafkaException or DllNotFoundException)
        {
            throw new InvalidOperationException(
                $"The Kafka client for topic {topic} can't be made: {e.Message.TrimEnd('.')}. Check the settings under Kafka, and those set in ConfigureKafka.", e);
        }

        _reports = new ReportPolling(wait => _client.Poll(wait), $"cloudsync-producer {topic}", TimeProvider.System);
    }

    /// <summary>Why this client takes nothing any more; <see langword="null"/> while it does.</summary>
    public Error? Fatal => _fatal;

    /// <summary>Hands a record over. Its report comes later, on any thread that polls; reports of others may be handled before this returns.</summary>
    /// <exception cref="KafkaException">The client has not taken it.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public void Produce(OutgoingRecord record)
    {
        ObjectDisposedException.ThrowIf(!TryEnter(), this);
        var content = record.TakeContent();
        try
        {
            record.Client = this;
            try
            {
                _client.Produce(_topic, content.Message, record.OnReport);
            }
            catch (KafkaException e)
            {
                record.Client = null;
                record.GiveContentBack(content);
                if (e.Error.IsFatal)
                    _fatal ??= e.Error;
                throw;
            }

            // From here on the record may be another one's: it has gone, and may have been told.
            content.Give();
            _reports.Produced();
        }
        finally
        {
            Interlocked.Decrement(ref _users);
        }
    }

    /// <summary>Sends at once what lingers, and waits for reports. Blocks for up to a tenth of a second, unless there is nothing to send: a closed client has nothing.</summary>
    /// <returns>Whether there is more that is not reported.</returns>
    public bool Hurry()
    {
        if (!TryEnter())
            return false;

        try
        {
            return _client.Flush(TimeSpan.FromMilliseconds(100)) > 0;
        }
        finally
        {
            Interlocked.Decrement(ref _users);
        }
    }

    /// <summary>What the brokers say of the topic. Blocks.</summary>
    /// <exception cref="KafkaException">They have not answered in time.</exception>
    /// <exception cref="ObjectDisposedException">The client is closed.</exception>
    public Metadata Metadata(TimeSpan patience)
    {
        ObjectDisposedException.ThrowIf(!TryEnter(), this);
        try
        {
            using var asking = new DependentAdminClientBuilder(_client.Handle).Build();
            return asking.GetMetadata(_topic, patience);
        }
        finally
        {
            Interlocked.Decrement(ref _users);
        }
    }

    /// <summary>Hears of the reports that there are, if it is the producing threads' turn to do so.</summary>
    public void PollNow()
    {
        if (!TryEnter())
            return;

        try
        {
            _reports.PollNow();
        }
        finally
        {
            Interlocked.Decrement(ref _users);
        }
    }

    /// <summary>Somebody waits for reports, and produces nothing meanwhile.</summary>
    public void HastenReports()
    {
        if (!TryEnter())
            return;

        _reports.Hasten();
        Interlocked.Decrement(ref _users);
    }

    /// <summary>Ends the client. What it has not reported by now it never will.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _isClosed, 1) != 0)
            return;

        SpinWait.SpinUntil(() => Volatile.Read(ref _users) == 0);
        _reports.Stop();
        _client.Dispose();
    }

    private bool TryEnter()
    {
        // First the count, then the look: either we see that it is closed, or Close sees us.
        Interlocked.Increment(ref _users);
        if (Volatile.Read(ref _isClosed) == 0)
            return true;

        Interlocked.Decrement(ref _users);
        return false;
    }
}
