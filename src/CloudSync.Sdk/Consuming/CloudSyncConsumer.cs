using Confluent.Kafka;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>One consumer in its host: put together at start, drained at stop.</summary>
internal sealed class CloudSyncConsumer(string name, IServiceProvider services) : IHostedLifecycleService, ICloudSyncConsumer, IDisposable
{
    private readonly TimeProvider _time = services.GetService<TimeProvider>() ?? TimeProvider.System;
    private readonly ILogger _logger = new QuietLogger(
        (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger($"CloudSync.Consumer.{name}"));
    private ConsumerMetrics? _metrics;
    private IIdempotencyStore? _store;
    private RetentionWatch? _retention;
    private DeadLetterProducer? _deadLetters;
    private DeliveryPipeline? _pipeline;
    private PollLoop? _loop;
    private KafkaErrors? _errors;
    private KafkaErrors? _letterErrors;

    public string Name => name;

    /// <summary>What it waits for at the moment.</summary>
    public PauseReasons PauseReasons => _loop?.Reasons ?? PauseReasons.None;

    public ConsumerStatus Status
    {
        get
        {
            if (_loop is not { } loop || _pipeline is not { } pipeline)
                return new ConsumerStatus();

            var (state, trouble) = (pipeline.Gate.State, pipeline.Gate.Trouble);
            trouble = state == BreakerState.Closed ? null : trouble;
            return new ConsumerStatus
            {
                IsRunning = !loop.Ended.Task.IsCompleted,
                Breaker = state,
                ErrorType = trouble?.ErrorType,
                Reason = trouble?.Reason,
                Since = trouble?.Since,
                NeedsAttention = trouble is { IsUnhealthy: true },
                IsHeld = pipeline.Gate.IsHolding,
                ConcurrencyLimit = pipeline.Gate.Limit,
                AbandonedCalls = pipeline.Abandoned.Running,
                Paused = loop.Reasons,
                IsStoreDown = pipeline.Claims is { IsStoreDown: true },
                Idempotency = _store?.Statistics,
                Lag = loop.Lag,
                Held = pipeline.Window.Messages,
                Partitions = loop.PartitionsOwned,
                IsOutOfGroup = loop.IsOutOfGroup,
                SinceLastPoll = loop.SinceLastPoll,
                ClientFailure = loop.ClientFailure,
                KafkaTrouble = TroubleOf(_errors, _letterErrors),
            };
        }
    }

    public void Isolate(string reason)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(reason);
        var pipeline = _pipeline ?? throw new InvalidOperationException($"Consumer '{name}' has not started, so its endpoint can't be isolated yet.");
        pipeline.Gate.Isolate(reason);
        _logger.Isolated(name, reason);
    }

    public bool Release()
    {
        if (_pipeline?.Gate.Release() is not true)
            return false;

        _logger.Released(name);
        return true;
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var options = services.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get(name);
        var log = _logger;
        var sink = (object?)services.GetKeyedService<IBatchCloudSink>(name)
            ?? services.GetKeyedService<ICloudSink>(name)
            ?? throw new InvalidOperationException(
                $"Consumer '{name}' has no sink. Name one: AddCloudSyncConsumer<TSink>(\"{name}\", …), or UseSink or UseBatchSink on its builder.");
        _store = options.Idempotency.Enabled ? services.GetKeyedService<IIdempotencyStore>(name) : null;

        // Apart, for what the one is answered says nothing about the other, which may log in as somebody else.
        var errors = new KafkaErrors(_time, (error, advice, since) => log.KafkaError(options.Topic, error.Reason, error.Code.ToString(), advice, since));
        var letterErrors = new KafkaErrors(_time, (error, advice, since) => log.KafkaError(options.DeadLetters.Topic, error.Reason, error.Code.ToString(), advice, since));
        (_errors, _letterErrors) = (errors, letterErrors);
        var factory = new KafkaConsumerFactory(name, options, services.GetKeyedServices<Action<ConsumerConfig>>(name), errors, log);
        _metrics = new ConsumerMetrics(name, options.GroupId, options.Topic, log);
        _deadLetters = factory.BuildDeadLetterProducer(_metrics, letterErrors);
        _pipeline = new DeliveryPipeline(
            name,
            options,
            sink,
            _store,
            services.GetKeyedService<IErrorClassifier>(name),
            _deadLetters,
            _metrics,
            new ConsumerHealth(),
            _time,
            log,
            services.GetKeyedService<Func<SyncMessage, string?>>(name));
        _loop = new PollLoop(name, options, factory, errors, _pipeline, _metrics, _time, log);

        var (loop, pipeline) = (_loop, _pipeline);
        _metrics.Gauge("cloudsync.consumer.lag", "{message}", "Messages in the owned partitions that are not settled yet.", () => loop.Lag);
        _metrics.Gauge("cloudsync.consumer.held", "{message}", "Messages held in memory.", () => pipeline.Window.Messages);
        _metrics.Gauge("cloudsync.consumer.partitions", "{partition}", "Partitions owned.", () => loop.PartitionsOwned);
        _metrics.Gauge("cloudsync.consumer.paused", "{reason}", "Why consumption is paused, as a sum of flags; 0 when it is not.", () => (int)loop.Reasons);

        _metrics.Gauge(
            "cloudsync.consumer.breaker.state", "{state}", "Whether calls flow: 0 closed, 1 half-open, 2 open, 3 isolated by hand.", () => (int)pipeline.Gate.State);
        _metrics.Gauge("cloudsync.consumer.concurrency.limit", "{call}", "Calls of the sink that may be under way at the same time.", () => pipeline.Gate.Limit);
        _metrics.Gauge(
            "cloudsync.consumer.abandoned_calls.running", "{call}", "Calls of the sink that were abandoned and have not ended.", () => pipeline.Abandoned.Running);

        if (_store is { } store)
        {
            StoreGauges(_metrics, store);
            _retention = new RetentionWatch(store, options.Idempotency.Retention, _time, log);
        }

        log.Started(name, options.Topic, options.GroupId, sink.GetType().Name, options.DrainTimeout);
        _loop.Start();

        // Beside the start, which it neither delays nor fails.
        var settings = factory.DeadLetterAdminConfig();
        _ = Task.Run(() => DeadLetterTopicCheck.RunAsync(settings, options.DeadLetters.Topic, log), CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <summary>All consumers of a process begin their end now, and so end together: the host stops its services one after the other, and their drain times would add up.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _loop?.BeginStop();
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

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _retention?.Dispose();
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

    /// <summary>The worst of both clients. An idle producer of dead letters is reported to be cut off whenever its brokers close the connection, so only what refuses it counts.</summary>
    private static KafkaTrouble? TroubleOf(KafkaErrors? errors, KafkaErrors? letterErrors) =>
        errors?.Trouble is { NeedsAttention: true } trouble ? trouble : letterErrors?.Trouble is { NeedsAttention: true } letters ? letters : errors?.Trouble;

    private static void StoreGauges(ConsumerMetrics metrics, IIdempotencyStore store)
    {
        metrics.Gauge("cloudsync.idempotency.entries", "{id}", "Ids that the store remembers.", () => store.Statistics.Entries);
        metrics.Gauge("cloudsync.idempotency.bytes", "By", "Memory that they take.", () => store.Statistics.Bytes);
        metrics.Gauge("cloudsync.idempotency.evictions", "{id}", "Ids forgotten before their retention was over, for want of room.", () => store.Statistics.Evictions);
        metrics.Gauge("cloudsync.idempotency.contended", "{claim}", "Claims that found the id held by another.", () => store.Statistics.Contended);
        metrics.Gauge("cloudsync.idempotency.hit_ratio", "1", "The share of claims that found a duplicate.", () => store.Statistics.HitRatio);
    }
}
