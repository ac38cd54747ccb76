using System.Diagnostics;
using System.Globalization;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.Views;

namespace CloudSync.LoadTest;

/// <summary>One rate, asked for until its time is over; then all is waited for that is still under way.</summary>
internal sealed class Step(Options options, Stage stage, IProgressView view)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan InterruptPatience = TimeSpan.FromSeconds(10);

    private readonly Recorder _recorder = new();
    private readonly List<SecondResult> _seconds = [];
    private readonly Dictionary<string, List<LagSample>> _lags = [];
    private string? _brokenOff;
    private string? _pastLagLimit;

    public async Task<StepResult> RunAsync(int rate, TimeSpan duration, CancellationToken cancellationToken)
    {
        using var breakOff = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var batchSize = options.Batch ?? Ladder.BatchSizeOf(rate);

        // What was seen before this step is no part of it.
        await stage.ProducerFiguresAsync();
        var retries = new Dictionary<string, long>();
        foreach (var cloud in stage.Endpoints)
        {
            retries[cloud] = (await stage.ConsumerFiguresAsync(cloud)).Retries;
            await stage.LatencyOfAsync(cloud);
        }

        var arrivedBefore = await CountsAsync();
        var useBefore = await StepUse.NowAsync(stage.Used);
        var began = Stopwatch.GetTimestamp();
        var sending = new OpenLoop(stage.Target, stage.Ledger).RunAsync(rate, batchSize, duration, _recorder, breakOff.Token);
        try
        {
            await WatchAsync(sending, rate, duration, began, breakOff);
        }
        catch
        {
            // A part has died. Messages must not go on to be sent, into another round perhaps.
            await breakOff.CancelAsync();
            throw;
        }

        var due = await sending;

        // At the end of the time, before anything is waited for.
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var achieved = StepRate.Of(rate, _recorder.Accepted, _recorder.SinceFirst, seconds);
        var arrived = await CountsAsync();
        var arrivedSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var lag = arrived.ToDictionary(endpoint => endpoint.Key, endpoint => Math.Max(0, stage.Ledger.Accepted - endpoint.Value.Arrived));
        var (parts, busy) = (await StepUse.NowAsync(stage.Used)).Since(useBefore);
        var evidence = await EvidenceAsync(arrivedSeconds, retries);

        var drained = await DrainAsync(cancellationToken);
        var endpoints = new List<EndpointResult>();
        foreach (var cloud in stage.Endpoints)
        {
            var lags = _lags.GetValueOrDefault(cloud, []);
            var (growth, growthError) = LagTrend.Growth(lags, arrivedSeconds - arrived[cloud].SinceFirst);
            endpoints.Add(new EndpointResult
            {
                Name = cloud,
                Rate = StepRate.Of(rate, arrived[cloud].Arrived - arrivedBefore[cloud].Arrived, arrived[cloud].SinceFirst, arrivedSeconds),
                Latency = await stage.LatencyOfAsync(cloud),
                LagAtHalf = LagTrend.AtHalf(lags, seconds),
                LagAtEnd = lag[cloud],
                LagGrowth = growth,
                LagGrowthError = growthError,
                DrainSeconds = drained.TryGetValue(cloud, out var drain) ? drain : null,
            });
        }

        var result = new StepResult
        {
            Asked = rate,
            BatchSize = batchSize,
            Seconds = seconds,
            Due = due,
            Sent = _recorder.Begun,
            Accepted = _recorder.Accepted,
            Achieved = achieved,
            QueueFull = _recorder.QueueFull,
            Errors = _recorder.Errors,
            Latency = _recorder.Latency(),
            Endpoints = endpoints,
            Lateness = _recorder.Lateness(),
            MaxInFlight = _recorder.MaxInFlight,
            InFlightLimit = stage.Target.InFlightLimit,
            Parts = parts,
            BusyProcessors = busy,
            Limit = new Limit(Limit.Nothing, ""),
            BrokenOff = cancellationToken.IsCancellationRequested ? RunResult.Interrupted : _brokenOff,
            Intervals = _seconds,
        };
        return result with { Limit = Limits.Of(result, evidence, Environment.ProcessorCount) };
    }

    /// <summary>Looks each second, until the time is over or a consumer is so far behind that the brokers would throw away what it has not read.</summary>
    private async Task WatchAsync(Task<long> sending, int rate, TimeSpan duration, long began, CancellationTokenSource breakOff)
    {
        var (accepted, at) = (0L, began);
        for (var second = 1; !sending.IsCompleted; second++)
        {
            var next = (Interval * second) - Stopwatch.GetElapsedTime(began);
            if (next > TimeSpan.Zero)
                await Task.WhenAny(sending, Task.Delay(next));

            var now = Stopwatch.GetTimestamp();
            var elapsed = Stopwatch.GetElapsedTime(began, now);
            var (acceptedNow, lag) = (_recorder.Accepted, await LagAsync());
            foreach (var (cloud, behind) in lag)
            {
                if (!_lags.TryGetValue(cloud, out var lags))
                    _lags[cloud] = lags = [];
                lags.Add(new LagSample(elapsed.TotalSeconds, behind));
            }

            // The rest of a second at the end has too few messages to be a figure of its own.
            if (Stopwatch.GetElapsedTime(at, now) < Interval / 2)
                break;

            var (p50, p99) = _recorder.NextSecond();
            var highest = lag.Select(endpoint => endpoint.Value).DefaultIfEmpty().Max();
            _seconds.Add(new SecondResult { Second = elapsed.TotalSeconds, Accepted = (acceptedNow - accepted) / Stopwatch.GetElapsedTime(at, now).TotalSeconds, P50 = p50, P99 = p99, Lag = highest });
            (accepted, at) = (acceptedNow, now);
            view.Second(rate, elapsed, duration, _seconds[^1]);
            if (highest > stage.LagLimit)
            {
                _pastLagLimit = lag.MaxBy(endpoint => endpoint.Value).Key;
                _brokenOff = string.Create(
                    CultureInfo.InvariantCulture, $"A consumer was {highest:N0} messages behind: of each partition so much is kept and no more, and what was not read would have been thrown away.");
                await breakOff.CancelAsync();
            }
        }
    }

    private async Task<Dictionary<string, EndpointCount>> CountsAsync()
    {
        var counts = new Dictionary<string, EndpointCount>();
        foreach (var cloud in stage.Endpoints)
            counts[cloud] = await stage.FiguresOfAsync(cloud);
        return counts;
    }

    private async Task<Dictionary<string, long>> ArrivedAsync() => (await CountsAsync()).ToDictionary(endpoint => endpoint.Key, endpoint => endpoint.Value.Arrived);

    private async Task<Dictionary<string, long>> LagAsync() =>
        (await ArrivedAsync()).ToDictionary(endpoint => endpoint.Key, endpoint => Math.Max(0, stage.Ledger.Accepted - endpoint.Value));

    private async Task<Evidence> EvidenceAsync(double seconds, Dictionary<string, long> retries)
    {
        var consumers = new List<ConsumerEvidence>();
        foreach (var cloud in stage.Endpoints)
        {
            var figures = await stage.ConsumerFiguresAsync(cloud);
            consumers.Add(new ConsumerEvidence(
                cloud, figures.Calls * figures.MeanCallMilliseconds / 1_000 / seconds, figures.MaxConcurrency, figures.MeanCallMilliseconds, figures.Retries - retries[cloud]));
        }

        return new Evidence { AcknowledgementMean = await stage.ProducerFiguresAsync() is { Acknowledged: > 0 } figure ? figure.MeanMilliseconds : null, Consumers = consumers, PastLagLimit = _pastLagLimit };
    }

    /// <summary>Waits until all is answered, and what was accepted has arrived everywhere or is kept as a dead letter, or nothing moves any more. After an interrupt it waits no longer than <see cref="InterruptPatience"/>.</summary>
    /// <returns>The seconds it took, of those endpoints where it has.</returns>
    private async Task<Dictionary<string, double>> DrainAsync(CancellationToken cancellationToken)
    {
        using var enough = new CancellationTokenSource();
        using var interrupt = cancellationToken.Register(() => enough.CancelAfter(InterruptPatience));
        try
        {
            await stage.Target.UntilAnsweredAsync().WaitAsync(enough.Token);
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
        }

        var drained = new Dictionary<string, double>();
        var (began, moved, last) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp(), -1L);
        while (true)
        {
            var arrived = await ArrivedAsync();
            foreach (var cloud in arrived.Keys)
                arrived[cloud] += (await stage.ConsumerFiguresAsync(cloud)).DeadLetters;
            foreach (var cloud in arrived.Keys.Where(cloud => arrived[cloud] >= stage.Ledger.Accepted))
                drained.TryAdd(cloud, Stopwatch.GetElapsedTime(began).TotalSeconds);
            if (arrived.Values.Sum() != last)
                (last, moved) = (arrived.Values.Sum(), Stopwatch.GetTimestamp());
            if (drained.Count == arrived.Count || enough.IsCancellationRequested || Stopwatch.GetElapsedTime(moved) > options.Standstill)
                return drained;

            await Task.Delay(50, CancellationToken.None);
        }
    }
}
