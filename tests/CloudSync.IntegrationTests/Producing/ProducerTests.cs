using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using CloudSync.Sdk;
using CloudSync.Sdk.Testing;
using Confluent.Kafka;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Xunit;
using static CloudSync.IntegrationTests.Producing.ProducerHost;

namespace CloudSync.IntegrationTests.Producing;

/// <summary>What a message becomes in Kafka, and what its producer hears of it.</summary>
public sealed class ProducerTests
{
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
        var acknowledgement = new Recorded();
        var queued = Producer(host).EnqueueAsync(Numbered(1), acknowledgement, Cancelled);
        Assert.Same(caller, Activity.Current);
        await queued;
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);
        var produced = Assert.IsType<ProducedMessage>(await acknowledgement.Next());

        var span = Assert.Single(spans);
        Assert.Equal(caller.SpanId, span.ParentSpanId);
        Assert.Equal(produced.Offset, span.GetTagItem("messaging.kafka.offset"));
        var record = Assert.Single(TopicReader.Read(kafka, "traced", 1));
        Assert.Equal(span.Id, Header(record, "traceparent"));
        Assert.Equal("vendor=1", Header(record, "tracestate"));
        Assert.Equal(1, Assert.Single(sent.GetMeasurementSnapshot(), m => (string?)m.Tags["messaging.destination.name"] == "traced").Value);
        Assert.Single(duration.GetMeasurementSnapshot(), m => (string?)m.Tags["messaging.destination.name"] == "traced");
    }

    [Fact]
    public async Task A_listener_that_throws_keeps_nobody_from_his_acknowledgement()
    {
        await using var kafka = Kafka();
        using var host = await Start(kafka, o => o.Topic = "listened");
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "CloudSync.Sdk",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => { if (activity.DisplayName == "send listened") throw new NotSupportedException("a listener's own"); },
        };
        ActivitySource.AddActivityListener(listener);

        var produced = await Producer(host).ProduceAsync(Numbered(1), Cancelled).AsTask().WaitAsync(Deadline, Cancelled);
        await Producer(host).FlushAsync(Cancelled).WaitAsync(Deadline, Cancelled);

        Assert.Equal("listened", produced.Topic);
    }

    [Fact]
    public async Task A_setting_that_the_client_does_not_take_stops_the_start()
    {
        await using var kafka = Kafka();

        var exception = await Assert.ThrowsAsync<InvalidOperationException>(() => Start(kafka, o => o.Kafka["no.such.setting"] = "1"));

        Assert.Contains("no.such.setting", exception.Message, StringComparison.Ordinal);
        Assert.Contains("data-topic", exception.Message, StringComparison.Ordinal);
    }
}
