using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Views;

/// <summary>A line a step, for whoever reads a file or a log of a build.</summary>
internal sealed class PlainView(TextWriter output) : IProgressView
{
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(15);

    public void Say(string text) => output.WriteLine(text);

    public void Begin(int number, int count, int rate)
    {
    }

    public void Second(int rate, TimeSpan elapsed, TimeSpan duration, SecondResult second)
    {
        // A long step shall not look like one that hangs.
        if ((int)(elapsed / Quiet) > (int)((elapsed - TimeSpan.FromSeconds(1)) / Quiet))
            output.WriteLine("  " + StepLine.Of(rate, elapsed, duration, second));
    }

    public void End(StepResult step) => output.WriteLine(StepLine.Of(step));
}
