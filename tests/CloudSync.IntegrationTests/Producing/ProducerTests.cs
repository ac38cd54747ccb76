using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Threading.Channels;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Xunit;

namespace CloudSync.IntegrationTests.Producing;

public sealed class ProducerTests
{
    private const string Topic = "data-topic";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_stands_where_its_acknowledgement_says_with_its_whole_envelope()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);
        byte[] value = [0, 255, 1, 254];
        var message = new OutgoingMessage(value)
        {
            Id = "order-1",
            Key = "käy",
            Source = "/orders",
            Type = "order.placed",
            Time = new DateTimeOffset(2026, 11, 22, 14, 0, 0, 250, TimeSpan.FromHours(2)),
            ContentType = "application/octet-stream",
            CorrelationId = "c-1",
            Headers = [new("x", "1"u8.ToArray()), new("x", default(ReadOnlyMemory<byte>)), new("ce_subject", null)],
        };

        await Producer(host).ProduceAsync(message with { Id = "order-0" }, Cancelled);
        var produced = await Producer(host).ProduceAsync(message, Cancelled);

        var record = TopicReader.Read(kafka, Topic, 2).Single(r => r.Offset == produced.Offset && r.Partition == produced.Partition);
        Assert.Equal(("order-1", Topic), (produced.Id, produced.Topic));
        Assert.Equal(value, record.Message.Value);
        Assert.Equal("käy", Encoding.UTF8.GetString(record.Message.Key!));
        Assert.Equal(
            [
                ("ce_specversion", "1.0"), ("ce_id", "order-1"), ("ce_source", "/orders"), ("ce_type", "order.placed"),
                ("ce_time", "2026-11-22T12:00:00.2500000Z"), ("content-type", "application/octet-stream"), ("ce_correlationid", "c-1"),
                ("x", "1"), ("x", ""), ("ce_subject", null),
            ],
            record.Message.Headers.Select(h => (h.Key, h.GetValueBytes() is { } bytes ? Encoding.UTF8.GetString(bytes) : null)));
    }

    [Fact]
    public async Task The_shortest_message_gets_an_id_and_no_key()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);

        var produced = await Producer(host).ProduceAsync(default, Cancelled);

        var record = Assert.Single(TopicReader.Read(kafka, Topic, 1));
        Assert.Null(record.Message.Key);
        Assert.Empty(record.Message.Value);
        Assert.Equal(7, Guid.Parse(produced.Id).Version);
        Assert.Equal(produced.Id, Header(record, "ce_id"));
        Assert.Equal("cloudsync", Header(record, "ce_source"));
        Assert.Equal("cloudsync.message", Header(record, "ce_type"));
        Assert.Equal("application/json", Header(record, "content-type"));
    }

    [Fact]
    public async Task Messages_with_one_key_keep_their_order_though_nobody_awaits_them_and_the_buffer_is_full()
    {
        const int Count = 5_000;
        await using var kafka = Kafka(partitions: 6);
        kafka.SetLatency(TimeSpan.FromMilliseconds(20));
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (64 * 1024, 10_000));

        var pending = new List<Task>();
        for (var i = 0; i < Count; i++)
            pending.Add(Producer(host).ProduceAsync(Numbered(i, key: $"k{i % 7}"), Cancelled).AsTask());
        Assert.Contains(pending, task => !task.IsCompleted);
        await Task.WhenAll(pending).WaitAsync(Deadline, Cancelled);

        var perKey = TopicReader.Read(kafka, Topic, Count).GroupBy(r => Encoding.UTF8.GetString(r.Message.Key!)).ToList();
        Assert.Equal(7, perKey.Count);
        Assert.All(perKey, records => Assert.Equal(records.Select(Number).Order(), records.OrderBy(r => r.Offset.Value).Select(Number)));
    }

    [Fact]
    public async Task A_full_buffer_makes_the_caller_wait_and_nothing_is_thrown_away()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (64 * 1024, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();

        var count = 1;
        var waiting = new List<Task>();
        while (waiting.Count < 20)
        {
            var queued = Producer(host).EnqueueAsync(Numbered(count++), cancellationToken: Cancelled);
            Assert.True(queued.IsCompletedSuccessfully || !queued.IsCompleted);
            if (!queued.IsCompleted)
                waiting.Add(queued.AsTask());
        }

        Assert.All(waiting, task => Assert.False(task.IsCompleted));
        kafka.BringAllBrokersUp();
        await Task.WhenAll(waiting).WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        Assert.Equal(Enumerable.Range(0, count), TopicReader.Read(kafka, Topic, count).Select(Number));
    }

    [Fact]
    public async Task The_payload_may_be_written_over_once_the_call_has_returned()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (20_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();

        var payload = new byte[5_000];
        var calls = new List<Task>();
        for (byte i = 1; i <= 6; i++)
        {
            Array.Fill(payload, i);
            calls.Add(Producer(host).EnqueueAsync(new OutgoingMessage(payload), cancellationToken: Cancelled).AsTask());
        }

        Array.Clear(payload);
        Assert.Contains(calls, call => !call.IsCompleted);
        kafka.BringAllBrokersUp();
        await Task.WhenAll(calls).WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        var values = TopicReader.Read(kafka, Topic, 7).Skip(1).Select(r => r.Message.Value).ToList();
        Assert.All(values.Index(), v => Assert.All(v.Item, b => Assert.Equal(v.Index + 1, b)));
    }

    [Fact]
    public async Task Who_cancels_the_wait_for_room_has_not_queued_the_message()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.BufferBytes, o.MaxMessageBytes) = (10_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        await Producer(host).EnqueueAsync(new OutgoingMessage(new byte[9_000]) { Id = "fills the buffer" }, cancellationToken: Cancelled);
        using var cancel = new CancellationTokenSource();

        var cancelled = Producer(host).EnqueueAsync(Numbered(1), cancellationToken: cancel.Token);
        var behind = Producer(host).EnqueueAsync(Numbered(2), cancellationToken: Cancelled).AsTask();
        Assert.False(cancelled.IsCompleted);
        await cancel.CancelAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await cancelled);
        Assert.Equal(cancel.Token, exception.CancellationToken);

        kafka.BringAllBrokersUp();
        await behind.WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        Assert.Equal(["0", "fills the buffer", "2"], TopicReader.Read(kafka, Topic, 3).Select(r => Header(r, "ce_id")));
    }

    [Fact]
    public async Task Who_cancels_the_wait_for_an_acknowledgement_ends_only_the_wait()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        using var cancel = new CancellationTokenSource();

        var waiting = Producer(host).ProduceAsync(Numbered(1), cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Producer(host).ProduceAsync(Numbered(2), cancel.Token));

        kafka.BringAllBrokersUp();
        await Producer(host).ProduceAsync(Numbered(3), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);
        Assert.Equal([0, 1, 3], TopicReader.Read(kafka, Topic, 3).Select(Number));
    }

    [Fact]
    public async Task A_message_that_no_broker_acknowledges_fails_after_the_delivery_timeout()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => o.DeliveryTimeout = TimeSpan.FromSeconds(1));
        kafka.TakeAllBrokersDown();
        var acknowledgement = new Recorded();

        await Producer(host).EnqueueAsync(Numbered(1), acknowledgement, Cancelled);
        var awaited = await Assert.ThrowsAsync<ProduceFailedException>(
            async () => await Producer(host).ProduceAsync(Numbered(2), Cancelled).AsTask().WaitAsync(Deadline, Cancelled));

        Assert.Equal(("2", false), (awaited.MessageId, awaited.IsPermanent));
        Assert.Equal(
            $"Message 2 was not taken by topic data-topic: it was not acknowledged within DeliveryTimeout, 00:00:01. Are the brokers ({kafka.BootstrapServers}) up, "
            + "and enough replicas in sync? [Local_MsgTimedOut]",
            awaited.Message);
        var told = Assert.IsType<ProduceFailedException>(await acknowledgement.Next().AsTask().WaitAsync(Deadline, Cancelled));
        Assert.Equal("1", told.MessageId);
    }

    [Fact]
    public async Task Acknowledgements_of_queued_messages_say_where_each_stands()
    {
        await using var kafka = Kafka(partitions: 3);
        using var host = await Start(kafka);
        var acknowledgement = new Recorded();

        for (var i = 0; i < 100; i++)
            await Producer(host).EnqueueAsync(Numbered(i, key: $"{i}"), acknowledgement, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        // A flush ends after the last acknowledgement has been told.
        var produced = acknowledgement.All().Cast<ProducedMessage>().ToDictionary(p => p.Id);
        Assert.Equal(100, produced.Count);
        Assert.All(
            TopicReader.Read(kafka, Topic, 100),
            r => Assert.Equal((r.Partition.Value, r.Offset.Value), (produced[Header(r, "ce_id")!].Partition, produced[Header(r, "ce_id")!].Offset)));
    }

    [Fact]
    public async Task A_message_that_is_larger_than_allowed_fails_for_good()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => o.MaxMessageBytes = 10_000);

        var ours = await Assert.ThrowsAsync<ProduceFailedException>(
            async () => await Producer(host).EnqueueAsync(new OutgoingMessage(new byte[10_001]) { Id = "a" }, cancellationToken: Cancelled));
        var clients = await Assert.ThrowsAsync<ProduceFailedException>(
            async () => await Producer(host).ProduceAsync(new OutgoingMessage(new byte[9_850]) { Id = "b" }, Cancelled));
        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.MsgSizeTooLarge);
        var brokers = await Assert.ThrowsAsync<ProduceFailedException>(
            async () => await Producer(host).ProduceAsync(Numbered(1), Cancelled));

        Assert.All([ours, clients, brokers], e => Assert.True(e.IsPermanent));
        Assert.Equal(["a", "b", "1"], [ours.MessageId, clients.MessageId, brokers.MessageId]);
        Assert.All([ours, clients, brokers], e => Assert.Contains("MaxMessageBytes", e.Message, StringComparison.Ordinal));
        // What was refused has left the buffer, or this would never end.
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        await Producer(host).ProduceAsync(Numbered(2), Cancelled);
    }

    [Fact]
    public async Task The_code_after_an_acknowledgement_does_not_run_on_the_clients_thread()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka);

        Assert.True(await Task.Run(() => BlocksAfterAnAcknowledgement(Producer(host)), Cancelled));

        // On the client's thread this would wait for itself.
        static async Task<bool> BlocksAfterAnAcknowledgement(ICloudSyncProducer producer)
        {
            await producer.ProduceAsync(Numbered(1), Cancelled);
            return ((IAsyncResult)producer.ProduceAsync(Numbered(2), Cancelled).AsTask()).AsyncWaitHandle.WaitOne(Deadline);
        }
    }

    [Fact]
    public async Task A_stop_waits_for_what_was_queued()
    {
        const int Count = 2_000;
        await using var kafka = Kafka(partitions: 3);
        using var host = await Start(kafka, o => o.Linger = TimeSpan.FromSeconds(1));
        kafka.SetLatency(TimeSpan.FromMilliseconds(200));
        for (var i = 0; i < Count; i++)
            await Producer(host).EnqueueAsync(Numbered(i), cancellationToken: Cancelled);

        await host.StopAsync(Cancelled);

        kafka.SetLatency(TimeSpan.Zero);
        Assert.Equal(Enumerable.Range(0, Count), TopicReader.Read(kafka, Topic, Count).Select(Number).Order());
    }

    [Fact]
    public async Task What_is_queued_after_the_stop_is_waited_for_at_the_end()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka);
        await host.StopAsync(Cancelled);
        await Producer(host).EnqueueAsync(Numbered(1), cancellationToken: Cancelled);
        var producer = Producer(host);

        await ((IAsyncDisposable)host).DisposeAsync();

        Assert.Single(TopicReader.Read(kafka, Topic, 1));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await producer.ProduceAsync(Numbered(2), Cancelled));
    }

    [Fact]
    public async Task An_end_without_brokers_tells_every_caller_within_the_flush_timeout()
    {
        await using var kafka = Kafka();
        var host = await Start(kafka, o => (o.FlushTimeout, o.BufferBytes, o.MaxMessageBytes) = (TimeSpan.FromMilliseconds(300), 20_000, 10_000));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);
        kafka.TakeAllBrokersDown();
        var underWayAndWaiting = Enumerable.Range(1, 100).Select(i => Producer(host).ProduceAsync(Numbered(i), Cancelled).AsTask()).ToList();

        await host.StopAsync(Cancelled);
        await ((IAsyncDisposable)host).DisposeAsync();

        foreach (var (index, task) in underWayAndWaiting.Index())
        {
            var failure = await Assert.ThrowsAsync<ProduceFailedException>(() => task.WaitAsync(Deadline, Cancelled));
            Assert.Equal($"{index + 1}", failure.MessageId);
            Assert.Contains("FlushTimeout (00:00:00.3000000)", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_flush_does_not_wait_for_the_linger()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => (o.Linger, o.DeliveryTimeout) = (TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(20)));
        await Producer(host).EnqueueAsync(Numbered(1), cancellationToken: Cancelled);

        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        Assert.Single(TopicReader.Read(kafka, Topic, 1));
    }

    [Fact]
    public async Task A_client_that_has_failed_for_good_is_replaced()
    {
        await using var kafka = Kafka();
        var clock = new ShiftedTime();
        var log = new FakeLogCollector();
        using var host = await Start(kafka, services: s => s.AddSingleton<TimeProvider>(clock).AddLogging(l => l.AddProvider(new FakeLoggerProvider(log))));
        await Producer(host).ProduceAsync(Numbered(0), Cancelled);

        kafka.FailRequests(EmbeddedKafkaRequest.Produce, ErrorCode.OutOfOrderSequenceNumber);
        var first = await Assert.ThrowsAsync<ProduceFailedException>(async () => await Producer(host).ProduceAsync(Numbered(1), Cancelled));
        var tooEarly = await Assert.ThrowsAsync<ProduceFailedException>(async () => await Producer(host).ProduceAsync(Numbered(2), Cancelled));
        clock.Shift += TimeSpan.FromMinutes(1);
        await Producer(host).ProduceAsync(Numbered(3), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);

        Assert.False(first.IsPermanent);
        Assert.Contains("can't go on", tooEarly.Message, StringComparison.Ordinal);
        Assert.Equal([0, 3], TopicReader.Read(kafka, Topic, 2).Select(Number));
        Assert.Single(log.GetSnapshot(), entry => entry.Id.Id == 2008);
    }

    [Fact]
    public async Task A_setting_that_the_client_does_not_take_stops_the_start()
    {
        await using var kafka = Kafka();

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => Start(kafka, o => o.Kafka["no.such.setting"] = "1"));

        Assert.Contains("no.such.setting", exception.Message, StringComparison.Ordinal);
        Assert.Contains("data-topic", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_trace_goes_on_in_the_record_and_the_metrics_count_it()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => o.Topic = "traced");
        var spans = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "CloudSync.Sdk",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => { if (activity.DisplayName == "send traced") spans.Enqueue(activity); },
        };
        ActivitySource.AddActivityListener(listener);
        using var sent = new MetricCollector<long>(null, "CloudSync.Sdk", "messaging.client.sent.messages");
        using var duration = new MetricCollector<double>(null, "CloudSync.Sdk", "messaging.client.operation.duration");

        using var caller = new Activity("caller").Start();
        caller.TraceStateString = "vendor=1";
        var produced = await Producer(host).ProduceAsync(Numbered(1), Cancelled);
        Assert.Same(caller, Activity.Current);
        await Producer(host).FlushAsync(Cancelled);

        var span = Assert.Single(spans);
        Assert.Equal(caller.SpanId, span.ParentSpanId);
        Assert.Equal(produced.Offset, span.GetTagItem("messaging.kafka.offset"));
        var record = Assert.Single(TopicReader.Read(kafka, "traced", 1));
        Assert.Equal(span.Id, Header(record, "traceparent"));
        Assert.Equal("vendor=1", Header(record, "tracestate"));
        Assert.Equal(1, Assert.Single(sent.GetMeasurementSnapshot(), m => (string?)m.Tags["messaging.destination.name"] == "traced").Value);
        Assert.Single(duration.GetMeasurementSnapshot(), m => (string?)m.Tags["messaging.destination.name"] == "traced");
    }

    private static EmbeddedKafka Kafka(int partitions = 1)
    {
        var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic(Topic, partitions);
        kafka.CreateTopic("traced");
        return kafka;
    }

    private static async Task<IHost> Start(
        EmbeddedKafka kafka, Action<CloudSyncProducerOptions>? configure = null, Action<IServiceCollection>? services = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("CloudSync:Producer:BootstrapServers", kafka.BootstrapServers)]);
        builder.Services.AddCloudSyncProducer(builder.Configuration.GetSection("CloudSync:Producer"))
            .Configure(configure ?? (_ => { }))
            // An outage in a test is short, and so should be the wait after it.
            .ConfigureKafka(config => (config.ReconnectBackoffMs, config.ReconnectBackoffMaxMs) = (10, 100));
        services?.Invoke(builder.Services);
        var host = builder.Build();
        try
        {
            await host.StartAsync(Cancelled);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    private static ICloudSyncProducer Producer(IHost host) => host.Services.GetRequiredService<ICloudSyncProducer>();

    private static OutgoingMessage Numbered(int number, string? key = null) =>
        new(Encoding.UTF8.GetBytes(number.ToString(CultureInfo.InvariantCulture))) { Id = number.ToString(CultureInfo.InvariantCulture), Key = key };

    private static int Number(ConsumeResult<byte[]?, byte[]> record) =>
        int.Parse(Encoding.UTF8.GetString(record.Message.Value), CultureInfo.InvariantCulture);

    private static string? Header(ConsumeResult<byte[]?, byte[]> record, string name) =>
        record.Message.Headers.TryGetLastBytes(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : null;

    private sealed class Recorded : IProduceAcknowledgement
    {
        private readonly Channel<object> _told = Channel.CreateUnbounded<object>();

        public ValueTask<object> Next() => _told.Reader.ReadAsync(Cancelled);

        public IEnumerable<object> All()
        {
            while (_told.Reader.TryRead(out var next))
                yield return next;
        }

        public void Acknowledged(in ProducedMessage produced) => _told.Writer.TryWrite(produced);

        public void Failed(ProduceFailedException failure) => _told.Writer.TryWrite(failure);
    }

    /// <summary>The system's time, and as much later as a test likes.</summary>
    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override long GetTimestamp() => base.GetTimestamp() + (long)(Shift.TotalSeconds * TimestampFrequency);
    }
}
