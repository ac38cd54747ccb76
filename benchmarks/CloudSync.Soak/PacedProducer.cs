using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CloudSync.Measuring;
using Confluent.Kafka;

namespace CloudSync.Soak;

/// <summary>How far a producer is.</summary>
/// <param name="Due">Messages that should have been sent by now: at its rate, whether or not anything was slow, and also those that it will not send any more.</param>
/// <param name="Sent">Messages that were handed to the client.</param>
/// <param name="Acknowledged">Messages that the brokers have acknowledged.</param>
/// <param name="Failed">Messages that they have not taken.</param>
internal sealed record Produced(long Due, long Sent, long Acknowledged, long Failed);

/// <summary>
/// A process that sends messages at a rate, in slices of some milliseconds, without waiting for anybody but where too many are under way. What it is late with by more than a second it
/// never sends, and counts as due all the same. It does what the lines of its standard input say, and
/// answers each with how far it is: <c>pace 50000</c>, <c>pace 50000 1000000</c> to send a million in all and no more, <c>state</c>, and <c>end</c>, answered when all are acknowledged. It ends with its input, and so with its parent.
/// </summary>
internal sealed class PacedProducer : IDisposable
{
    public const string Argument = "produce";

    private const int MostUnderWay = 100_000;
    private const int PollEvery = 100;

    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(3);

    private readonly IProducer<byte[], byte[]> _producer;
    private readonly string _topic;
    private readonly byte[][] _keys = Load.KeyBytes();
    private readonly byte[][] _values = Load.Values();
    private readonly Action<DeliveryReport<byte[], byte[]>> _handle;
    private readonly Thread _thread;
    private volatile Pace _pace = new(0, 0, 0);
    private volatile bool _ends;
    private long _sent;
    private long _acknowledged;
    private long _failed;

    private PacedProducer(string kafka, string topic)
    {
        var config = RawProducer.Settings(kafka);
        config.Set("dotnet.producer.enable.background.poll", "false");
        _producer = new ProducerBuilder<byte[], byte[]>(config).SetLogHandler((_, _) => { }).Build();
        _topic = topic;
        _handle = Handle;
        _thread = new Thread(Produce);
        _thread.Start();
    }

    private Produced State
    {
        get
        {
            var acknowledged = Volatile.Read(ref _acknowledged);
            var sent = Volatile.Read(ref _sent);
            var pace = _pace;
            return new Produced(Math.Max(sent, pace.Due) + pace.Skipped, sent, acknowledged, Volatile.Read(ref _failed));
        }
    }

    public static int Run(string kafka, string topic)
    {
        using var producer = new PacedProducer(kafka, topic);
        while (Console.In.ReadLine() is { } line)
        {
            if (line.Split(' ') is ["pace", var rate, .. var most])
                producer._pace = new Pace(Number(rate), Stopwatch.GetTimestamp(), producer.State.Sent, most is [var messages] ? Number(messages) : long.MaxValue);
            else if (line == "end")
                producer.End();

            Console.WriteLine(JsonSerializer.Serialize(producer.State));
        }

        return 0;

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        End();
        _producer.Dispose();
    }

    private void End()
    {
        _ends = true;
        _thread.Join();
        _pace = new Pace(0, 0, _sent) { Skipped = _pace.Skipped };
    }

    private void Produce()
    {
        while (!_ends)
        {
            var pace = _pace;
            var due = pace.Capped(pace.Due, _sent);
            while (_sent < due && UnderWay < MostUnderWay && !_ends)
            {
                var i = _sent;
                var message = new Message<byte[], byte[]> { Key = _keys[i % _keys.Length], Value = _values[i % _values.Length], Headers = Load.Headers(Load.Id(i)) };
                _producer.Produce(_topic, message, _handle);
                Volatile.Write(ref _sent, i + 1);
                if (i % PollEvery == 0)
                    _producer.Poll(TimeSpan.Zero);
            }

            // A poll returns with the first report, and would make slices of a few messages.
            if (_sent >= due)
                Thread.Sleep(Slice);

            _producer.Poll(_sent < due ? TimeSpan.FromMilliseconds(10) : TimeSpan.Zero);
        }

        // Ends: what the brokers do not take within message.timeout.ms has failed.
        while (UnderWay > 0)
            _producer.Poll(TimeSpan.FromMilliseconds(100));
    }

    private long UnderWay => _sent - _acknowledged - _failed;

    /// <summary>On the thread that sends, which polls.</summary>
    private void Handle(DeliveryReport<byte[], byte[]> report)
    {
        if (!report.Error.IsError)
        {
            Volatile.Write(ref _acknowledged, _acknowledged + 1);
            return;
        }

        if (_failed == 0)
            Console.Error.WriteLine($"A message was not acknowledged: {report.Error.Reason}");

        Volatile.Write(ref _failed, _failed + 1);
    }
}
