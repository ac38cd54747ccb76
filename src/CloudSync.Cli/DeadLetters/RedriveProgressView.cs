using CloudSync.Sdk;
using Spectre.Console;

namespace CloudSync.Cli.DeadLetters;

/// <summary>Shows how far a redrive is: bars on a terminal, a line every two seconds elsewhere.</summary>
internal sealed class RedriveProgressView(Surroundings surroundings, bool isQuiet) : IProgress<RedriveProgress>
{
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(2);

    private ProgressTask? _reading;
    private ProgressTask? _sending;
    private long _saidAt = surroundings.Time.GetTimestamp();

    /// <summary>Letters that were sent and acknowledged.</summary>
    public long Sent { get; private set; }

    public async Task<RedriveResult> ShowAsync(Func<IProgress<RedriveProgress>, Task<RedriveResult>> run)
    {
        if (isQuiet || !surroundings.IsInteractive)
            return await run(this);

        return await surroundings.Console.Progress()
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(context =>
            {
                _reading = context.AddTask("reading the topic");
                _sending = context.AddTask("sending letters", autoStart: false);
                return run(this);
            });
    }

    void IProgress<RedriveProgress>.Report(RedriveProgress value)
    {
        if (value.Stage == RedriveStage.Sending)
            Sent = value.Done;

        if (_reading is not null)
            Draw(value);
        else if (!isQuiet && surroundings.Time.GetElapsedTime(_saidAt) >= LineInterval)
            Say(value);
    }

    private void Draw(RedriveProgress value)
    {
        var task = value.Stage == RedriveStage.Reading ? _reading! : _sending!;
        if (value.Stage == RedriveStage.Sending)
        {
            _reading!.Value = _reading.MaxValue;
            if (!task.IsStarted)
                task.StartTask();
        }

        task.MaxValue = Math.Max(1, value.Total);
        task.Value = value.Total == 0 ? 1 : value.Done;
    }

    private void Say(RedriveProgress value)
    {
        _saidAt = surroundings.Time.GetTimestamp();
        surroundings.Out.WriteLine(value.Stage == RedriveStage.Reading
            ? $"read {LetterText.Number(value.Done)} of {LetterText.Number(value.Total)} offsets"
            : $"sent {LetterText.Number(value.Done)} of {LetterText.Number(value.Total)} letters");
    }
}
