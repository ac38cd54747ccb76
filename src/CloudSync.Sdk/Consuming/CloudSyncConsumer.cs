using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>One consumer in its host: put together at start, drained at stop.</summary>
internal sealed class CloudSyncConsumer(string name, IServiceProvider services) : IHostedService, IDisposable
{
    private readonly TimeProvider _time = services.GetService<TimeProvider>() ?? TimeProvider.System;
    private ConsumerMetrics? _metrics;
    private DeadLetterProducer? _deadLetters;
    private DeliveryPipeline? _pipeline;
    private PollLoop? _loop;

    /// <summary>What it waits for at the moment.</summary>
    public PauseReasons PauseReasons => _loop?.Reasons ?? PauseReasons.None;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var options = services.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get(name);
        var log = (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger($"CloudSync.Consumer.{name}");
        var sink = (object?)services.GetKeyedService<IBatchCloudSink>(name)
            ?? services.GetKeyedService<ICloudSink>(name)
            ?? throw new InvalidOperationException(
                $"Consumer '{name}' has no sink. Name one: AddCloudSyncConsumer<TSink>(\"{name}\", …), or UseSink or UseBatchSink on its builder.");
        var store = options.Idempotency.Enabled
            ? services.GetKeyedService<IIdempotencyStore>(name)
            : null;

        var errors = new KafkaErrors(_time, (error, since) => log.KafkaError(options.Topic, error.Reason, error.Code.ToString(), since));
        var factory = new KafkaConsumerFactory(name, options, services.GetKeyedServices<Action<ConsumerConfig>>(name), errors, log);
        _metrics = new ConsumerMetrics(name, options.GroupId, options.Topic);
        _deadLetters = factory.BuildDeadLetterProducer(_metrics);
        _pipeline = new DeliveryPipeline(
            name, options, sink, store, services.GetKeyedService<IErrorClassifier>(name), _deadLetters, _metrics, new ConsumerHealth(), _time, log);
        _loop = new PollLoop(name, options, factory, errors, _pipeline, _metrics, _time, log);

        var (loop, pipeline) = (_loop, _pipeline);
        _metrics.Gauge("cloudsync.consumer.lag", "{message}", "Messages in the owned partitions that are not settled yet.", () => loop.Lag);
        _metrics.Gauge("cloudsync.consumer.held", "{message}", "Messages held in memory.", () => pipeline.Window.Messages);
        _metrics.Gauge("cloudsync.consumer.partitions", "{partition}", "Partitions owned.", () => loop.PartitionsOwned);
        _metrics.Gauge("cloudsync.consumer.paused", "{reason}", "Why consumption is paused, as a sum of flags; 0 when it is not.", () => (int)loop.Reasons);

        log.Started(name, options.Topic, options.GroupId, sink.GetType().Name, options.DrainTimeout);
        _loop.Start();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_loop is null)
            return;

        _loop.BeginStop();
        await using var impatient = cancellationToken.UnsafeRegister(static pipeline => ((DeliveryPipeline)pipeline!).Abort(), _pipeline);
        await _loop.Ended.Task.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public void Dispose()
    {
        if (_loop is { Ended.Task.IsCompleted: false })
        {
            // Nobody has stopped it, or not for long enough. A host disposes without a stop when another of its services fails to start: the poll thread must not go on
            // reading for a process that thinks it gone. It still uses the rest.
            _loop.BeginStop();
            _pipeline!.Abort();
            return;
        }

        _loop?.Dispose();
        _pipeline?.Dispose();
        _deadLetters?.Dispose();
        _metrics?.Dispose();
    }
}
