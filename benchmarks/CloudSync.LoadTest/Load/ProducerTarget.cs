using System.Collections.Concurrent;
using System.Diagnostics;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Measuring;

namespace CloudSync.LoadTest.Load;

/// <summary>The producer alone, in this process. A request is one message, whatever is due at the same time.</summary>
internal sealed class ProducerTarget(ICloudSyncProducer producer, LoadMessages messages, AcceptedLedger ledger) : ITarget
{
    private readonly ConcurrentQueue<Acknowledgement> _free = new();

    /// <summary>It is the producer that says when there is no room.</summary>
    public int InFlightLimit => int.MaxValue;

    public void Begin(in Request request, Recorder recorder, CancellationToken cancellationToken)
    {
        recorder.Began(request.Count, Stopwatch.GetElapsedTime(request.Due));
        for (var i = 0; i < request.Count; i++)
        {
            var number = request.First + i;
            if (!_free.TryDequeue(out var acknowledgement))
                acknowledgement = new Acknowledgement(this);
            (acknowledgement.Number, acknowledgement.Due, acknowledgement.Recorder, acknowledgement.EndsRequest) = (number, request.Due, recorder, i == request.Count - 1);
            var message = new OutgoingMessage(messages.PayloadOf(number, request.DueTime)) { Id = messages.IdOf(number), Key = messages.KeyOf(number) };
            try
            {
                var queued = producer.EnqueueAsync(message, acknowledgement, cancellationToken);
                if (queued.IsCompletedSuccessfully)
                    continue;

                recorder.WasFull(1);
                queued.AsTask().GetAwaiter().GetResult();
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                // The step is over: what has found no room until then is not sent.
                recorder.Failed("no room until the end of the step", request.Count - i);
                recorder.Ended();
                return;
            }
        }
    }

    public Task UntilAnsweredAsync() => producer.FlushAsync();

    private sealed class Acknowledgement(ProducerTarget target) : IProduceAcknowledgement
    {
        public long Number { get; set; }

        public long Due { get; set; }

        public Recorder Recorder { get; set; } = null!;

        public bool EndsRequest { get; set; }

        public void Acknowledged(in ProducedMessage produced)
        {
            target._ledger.Add(Number, produced.Partition, produced.Offset);
            Recorder.Acknowledged(1, Due);
            End();
        }

        public void Failed(ProduceFailedException failure)
        {
            Recorder.Failed(failure.GetBaseException() is Confluent.Kafka.KafkaException kafka ? $"Kafka {kafka.Error.Code}" : failure.GetType().Name, 1);
            End();
        }

        private void End()
        {
            if (EndsRequest)
                Recorder.Ended();
            target._free.Enqueue(this);
        }
    }

    private readonly AcceptedLedger _ledger = ledger;
}
