using CloudSync.Sdk.Ingest;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

public sealed class InFlightTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private readonly FakeTimeProvider _time = new();
    private readonly CapturingProducer _producer = new();

    [Fact]
    public async Task A_message_that_is_told_in_the_moment_of_its_time_out_has_one_result_or_the_other()
    {
        // Who goes on with an acknowledgement is another thread, and the clock may be faster. That was an exception, and an answer of 500 for a whole batch.
        for (var i = 0; i < 2_000; i++)
        {
            using var inFlight = InFlight();
            await inFlight.ProduceAsync(new OutgoingMessage("{}"u8.ToArray()) { Id = "a" }, ItemPlace.Body);
            var finished = inFlight.FinishAsync();

            _producer.Acknowledgement!.Acknowledged(new ProducedMessage("a", "topic", 1, 2));
            _time.Advance(Timeout);

            await finished;
            Assert.Equal(202, inFlight.Results.Single().Status);
        }
    }

    [Fact]
    public async Task A_message_that_is_not_told_in_time_may_be_there_all_the_same()
    {
        using var inFlight = InFlight();
        await inFlight.ProduceAsync(new OutgoingMessage("{}"u8.ToArray()) { Id = "a" }, ItemPlace.Body);
        var finished = inFlight.FinishAsync();

        _time.Advance(Timeout);
        await finished;
        _producer.Acknowledgement!.Acknowledged(new ProducedMessage("a", "topic", 1, 2));

        Assert.Equal((503, "a"), (inFlight.Results.Single().Status, inFlight.Results.Single().Id));
        Assert.True(inFlight.IsStuck);
    }

    private InFlight InFlight() => new(_producer, new CloudSyncIngestOptions { ProduceTimeout = Timeout }, _time, TestContext.Current.CancellationToken);

    /// <summary>Takes a message, and leaves it to the test to say what became of it.</summary>
    private sealed class CapturingProducer : ICloudSyncProducer
    {
        public IProduceAcknowledgement? Acknowledgement { get; private set; }

        public ValueTask<ProducedMessage> ProduceAsync(OutgoingMessage message, CancellationToken cancellationToken = default) => throw new NotSupportedException();

        public ValueTask EnqueueAsync(OutgoingMessage message, IProduceAcknowledgement? acknowledgement = null, CancellationToken cancellationToken = default)
        {
            Acknowledgement = acknowledgement;
            return ValueTask.CompletedTask;
        }

        public Task FlushAsync(CancellationToken cancellationToken = default) => Task.CompletedTask;
    }
}
