using System.Runtime.CompilerServices;
using CloudSync.Sdk.Settings;

namespace CloudSync.Sdk;

/// <summary>
/// Looks at dead letters, and sends them back. A redriven letter goes back to the topic and the partition that it came from, with its original key, payload, headers and
/// id, and only the consumer group that failed delivers it.
/// </summary>
/// <remarks>
/// <para>
/// What was redriven is marked in the dead-letter topic itself, so no later run sends it again, whatever its filter and wherever it runs. A run that is killed repeats at
/// most what it sent in its last second, with the same ids, which consumers recognise as duplicates.
/// </para>
/// <para>
/// Letters of one key are sent in the order in which they were written. Let one run end before another begins: two at the same time send the same letters. May be
/// used from any thread; each call has clients of its own.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// var redrive = new DeadLetterRedrive(new DeadLetterRedriveOptions { BootstrapServers = "kafka-1:9092" });
/// await foreach (var letter in redrive.ReadAsync(new DeadLetterFilter { Group = "aws-sync-group" }))
///     Console.WriteLine($"{letter.Position} {letter.ErrorType}");
///
/// var result = await redrive.RedriveAsync(new DeadLetterFilter { Group = "aws-sync-group" }, new RedriveSettings { MaxPerSecond = 100 });
/// </code>
/// </example>
public sealed class DeadLetterRedrive
{
    private static readonly TimeSpan ReportInterval = TimeSpan.FromMilliseconds(100);

    private readonly DeadLetterRedriveOptions _options;
    private readonly TimeProvider _time;

    /// <summary>Makes one. Nothing is connected yet.</summary>
    /// <param name="options">Where the dead letters are.</param>
    /// <param name="timeProvider">The clock; the system's when <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">A setting is wrong; the message lists all that are.</exception>
    public DeadLetterRedrive(DeadLetterRedriveOptions options, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        DeadLetterRedriveRules.ThrowIfAny(nameof(DeadLetterRedriveOptions), DeadLetterRedriveRules.Check(options), nameof(options));
        _options = options;
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>
    /// Reads dead letters, in the order of each partition, as far as the topic goes when this begins. Records that are no dead letters are among them where the filter
    /// lets them through, with <see cref="DeadLetterRecord.Problem"/>.
    /// </summary>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="DeadLetterRedriveException">The topic can't be read.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> has fired.</exception>
    public async IAsyncEnumerable<DeadLetterRecord> ReadAsync(
        DeadLetterFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        using var topic = new DeadLetterTopic(_options, _time);
        var partitions = filter.Positions?.Select(position => position.Partition).ToHashSet();
        var survey = await SurveyAsync(topic, partitions, filter.Matches, null, cancellationToken);
        await foreach (var batch in MatchingAsync(topic, survey, cancellationToken))
        {
            foreach (var letter in batch)
            {
                if (filter.IncludeRedriven || !letter.IsRedriven)
                    yield return letter;
            }
        }
    }

    /// <summary>
    /// Sends the matching letters back that have not been redriven. Returns when all of them are acknowledged by all in-sync replicas and marked. However it ends, what was
    /// under way is waited for and what was acknowledged is marked: the next run goes on where this one has ended.
    /// </summary>
    /// <param name="filter">Which.</param>
    /// <param name="settings">How; as fast as possible when <see langword="null"/>.</param>
    /// <param name="progress">Is told how far it is, ten times a second and at the end.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>What was done.</returns>
    /// <exception cref="ArgumentException">A setting is wrong.</exception>
    /// <exception cref="DeadLetterRedriveException">The topic can't be read, or a letter can't be sent, which stops it: what follows with the same key must not overtake.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> has fired.</exception>
    public async Task<RedriveResult> RedriveAsync(
        DeadLetterFilter filter,
        RedriveSettings? settings = null,
        IProgress<RedriveProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        settings ??= new RedriveSettings();
        DeadLetterRedriveRules.ThrowIfAny(nameof(RedriveSettings), DeadLetterRedriveRules.Check(settings), nameof(settings));
        using var topic = new DeadLetterTopic(_options, _time);
        var survey = await SurveyAsync(topic, null, letter => letter.Problem is null && filter.Matches(letter), progress, cancellationToken);
        if (filter.SourceTopic is null)
            ThrowIfSeveral(survey.SourceTopics);

        using var producer = settings.DryRun ? null : new RedriveProducer(_options);
        var sender = producer is null ? null : new RedriveSender(_options, _time, producer.ProduceAsync);
        var run = new Run(topic, sender, settings, _time, progress, Math.Min(survey.Waiting, settings.MaxLetters ?? long.MaxValue));
        var hasFailed = true;
        try
        {
            await foreach (var batch in MatchingAsync(topic, survey, cancellationToken))
            {
                // However long nothing matches, or nothing comes: what was sent is marked meanwhile.
                if (sender is not null)
                    await sender.SettleAsync();

                foreach (var letter in batch.Where(l => !l.IsRedriven))
                {
                    if (run.IsEnough)
                        break;

                    await run.TakeAsync(letter, cancellationToken);
                }

                if (run.IsEnough)
                    break;
            }

            hasFailed = false;
        }
        finally
        {
            // What ended it goes on to the caller, unless this fails too: then letters were sent that are not marked, which is the worse news.
            if (sender is not null)
                await FinishAsync(sender, hasFailed);

            run.Report();
        }

        return new RedriveResult
        {
            Waiting = survey.Waiting,
            RedrivenBefore = survey.Matching - survey.Waiting,
            Sent = sender?.Acknowledged ?? 0,
            Counts = run.Counts,
            Unreadable = survey.Unreadable,
            UnreadableLetters = survey.UnreadableLetters,
        };
    }

    private static async Task FinishAsync(RedriveSender sender, bool hasFailed)
    {
        try
        {
            await sender.FinishAsync();
        }
        catch (DeadLetterRedriveException) when (hasFailed && sender.Unmarked == 0)
        {
            // Another letter that was under way could not be sent either; the first is the one to tell of.
        }
    }

    /// <summary>Anybody who may write into the dead-letter topic may name any topic in a letter, and the redrive may write where they may not.</summary>
    private static void ThrowIfSeveral(IReadOnlyList<string> sources)
    {
        if (sources.Count > 1)
            throw new DeadLetterRedriveException(
                $"The letters that match come from {sources.Count:N0} topics: {string.Join(", ", sources)}. Say to which of them letters go back (SourceTopic in the filter; --source-topic), "
                + "one run for each: a forged letter may name any topic.");
    }

    private static async Task<DeadLetterSurvey> SurveyAsync(
        DeadLetterTopic topic, IReadOnlySet<int>? partitions, Func<DeadLetterRecord, bool> matches, IProgress<RedriveProgress>? progress, CancellationToken cancellationToken)
    {
        var bounds = await Task.Run(() => topic.Bounds(partitions, cancellationToken), cancellationToken);
        var survey = new DeadLetterSurvey(matches, bounds);
        var total = bounds.Sum(b => b.High - b.Low);
        long seen = 0;
        topic.Begin(bounds);
        while (!topic.IsAtEnd)
        {
            var records = await topic.ReadAsync(cancellationToken);
            foreach (var record in records)
            {
                cancellationToken.ThrowIfCancellationRequested();
                survey.See(record);
            }

            seen += records.Count;
            progress?.Report(new RedriveProgress(RedriveStage.Reading, seen, total));
        }

        return survey;
    }

    private static async IAsyncEnumerable<IEnumerable<DeadLetterRecord>> MatchingAsync(
        DeadLetterTopic topic, DeadLetterSurvey survey, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        topic.Begin(survey.Spans());
        while (!topic.IsAtEnd)
        {
            var records = await topic.ReadAsync(cancellationToken);
            yield return records.Select(survey.Letter).OfType<DeadLetterRecord>();
        }
    }

    /// <summary>One run: letter by letter, no faster than it may be.</summary>
    private sealed class Run(DeadLetterTopic topic, RedriveSender? sender, RedriveSettings settings, TimeProvider time, IProgress<RedriveProgress>? progress, long total)
    {
        private readonly RateLimit _rate = new(settings.MaxPerSecond, time);
        private readonly HashSet<(string Group, string Topic)> _known = [];
        private readonly Dictionary<string, int> _partitions = new(StringComparer.Ordinal);
        private readonly Dictionary<(string Group, ErrorType? ErrorType, string Topic), long> _counts = [];
        private long _taken;
        private long _reportedAt = time.GetTimestamp();

        public bool IsEnough => _taken >= total;

        public IReadOnlyList<RedriveCount> Counts =>
            [.. _counts.Select(c => new RedriveCount(c.Key.Group, c.Key.ErrorType, c.Key.Topic, c.Value)).OrderBy(c => c.Group, StringComparer.Ordinal).ThenBy(c => c.ErrorType)];

        public async Task TakeAsync(DeadLetterRecord letter, CancellationToken cancellationToken)
        {
            var partitions = PartitionsOf(letter, cancellationToken);
            if (!settings.AllowUnknownGroup)
                ThrowIfNobodysLetter(letter, partitions, cancellationToken);

            if (sender is not null)
            {
                await WaitForRateAsync(sender, cancellationToken);
                await sender.SendAsync(letter, partitions);
                await sender.SettleAsync();
            }

            _taken++;
            var kind = (letter.Group!, letter.ErrorType, letter.Topic!);
            _counts[kind] = _counts.GetValueOrDefault(kind) + 1;
            if (time.GetElapsedTime(_reportedAt) >= ReportInterval)
                Report();
        }

        public void Report()
        {
            _reportedAt = time.GetTimestamp();
            progress?.Report(new RedriveProgress(RedriveStage.Sending, sender?.Acknowledged ?? _taken, total));
        }

        private async Task WaitForRateAsync(RedriveSender letters, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (_rate.Take() is { Ticks: > 0 } wait)
            {
                // A low rate must not keep what was sent from being marked.
                var slice = wait < ReportInterval ? wait : ReportInterval;
                await Task.Delay(slice, time, cancellationToken);
                await letters.SettleAsync();
                Report();
            }
        }

        /// <summary>A group that is gone, or was renamed: its letter would be passed over by all others, and be marked.</summary>
        private void ThrowIfNobodysLetter(DeadLetterRecord letter, int partitions, CancellationToken cancellationToken)
        {
            if (_known.Contains((letter.Group!, letter.Topic!)))
                return;
            if (!topic.HasCommitted(letter.Group!, letter.Topic!, partitions, cancellationToken))
                throw new DeadLetterRedriveException(
                    $"The letter at {letter.Position} is for group {letter.Group}, which has committed nothing in {letter.Topic}: nobody would deliver it. Start a consumer of that group first, "
                    + "or choose other letters. If the group is to begin later, allow it (AllowUnknownGroup; --allow-unknown-group).")
                {
                    Position = letter.Position,
                };

            _known.Add((letter.Group!, letter.Topic!));
        }

        private int PartitionsOf(DeadLetterRecord letter, CancellationToken cancellationToken)
        {
            if (!_partitions.TryGetValue(letter.Topic!, out var partitions))
            {
                partitions = topic.PartitionsOf(letter.Topic!, cancellationToken) ?? throw new DeadLetterRedriveException(
                    $"The letter at {letter.Position} came from topic {letter.Topic}, which is not there any more. Make the topic, or leave this letter out.")
                {
                    Position = letter.Position,
                };
                _partitions[letter.Topic!] = partitions;
            }

            return partitions;
        }
    }
}
