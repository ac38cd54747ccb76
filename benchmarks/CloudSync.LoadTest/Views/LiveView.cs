using System.Globalization;
using CloudSync.LoadTest.Results;
using Spectre.Console;

namespace CloudSync.LoadTest.Views;

/// <summary>Two bars, of the run and of its step, under the lines of the steps that are over.</summary>
internal sealed class LiveView : IProgressView
{
    private readonly IAnsiConsole _console;
    private readonly ProgressTask _run;
    private readonly ProgressTask _step;

    private LiveView(IAnsiConsole console, ProgressContext context)
    {
        _console = console;
        _run = context.AddTask("Steps");
        _step = context.AddTask("Starting");
    }

    /// <summary>Shows what is done, on a terminal; in plain lines where there is none.</summary>
    public static async Task<T> ShowAsync<T>(IAnsiConsole console, Func<IProgressView, Task<T>> run) =>
        console.Profile.Capabilities.Interactive
            ? await console.Progress().AutoClear(true).Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn())
                .StartAsync(context => run(new LiveView(console, context)))
            : await run(new PlainView(Console.Out));

    public void Say(string text) => _console.WriteLine(text);

    public void Begin(int number, int count, int rate)
    {
        (_run.MaxValue, _run.Value) = (count, number - 1);
        (_step.MaxValue, _step.Value) = (1, 0);
        _run.Description = string.Create(CultureInfo.InvariantCulture, $"Step {number} of {count}");
        _step.Description = string.Create(CultureInfo.InvariantCulture, $"{rate:N0}/s");
    }

    public void Second(int rate, TimeSpan elapsed, TimeSpan duration, SecondResult second)
    {
        (_step.MaxValue, _step.Value) = (duration.TotalSeconds, Math.Min(elapsed.TotalSeconds, duration.TotalSeconds));
        _step.Description = Markup.Escape(StepLine.Of(rate, elapsed, duration, second));
    }

    public void End(StepResult step)
    {
        _run.Increment(1);
        _console.WriteLine(StepLine.Of(step));
    }
}
