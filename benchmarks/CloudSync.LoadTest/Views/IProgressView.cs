using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Views;

/// <summary>Shows how far a run is.</summary>
internal interface IProgressView
{
    void Say(string text);

    /// <summary>A step begins.</summary>
    void Begin(int number, int count, int rate);

    /// <summary>A second of it is over.</summary>
    void Second(int rate, TimeSpan elapsed, TimeSpan duration, SecondResult second);

    void End(StepResult step);
}
