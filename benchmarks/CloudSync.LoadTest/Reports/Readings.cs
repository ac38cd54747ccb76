using CloudSync.LoadTest.Measuring;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>What the reports ask of a run, and it does not say outright.</summary>
internal static class Readings
{
    extension(RunResult run)
    {
        /// <summary>The step at the highest rate that was held; <see langword="null"/> if none was. Of several at that rate it is the last that held it.</summary>
        public StepResult? HeldStep => run.Highest > 0 ? run.Steps.LastOrDefault(step => step.Asked == run.Highest && Limits.IsHeld(step)) : null;

        /// <summary>The lowest step above the highest rate held that says what limits; <see langword="null"/> when nothing did.</summary>
        public StepResult? LimitedStep =>
            run.Steps.Where(step => step.Asked > run.Highest && step.Limit.Part != Limit.Nothing).MinBy(step => step.Asked);

        /// <summary>Of all steps, the generator's process first.</summary>
        public IReadOnlyList<string> PartNames => [.. run.Steps.SelectMany(step => step.Parts).Select(part => part.Name).Distinct()];

        public IReadOnlyList<string> EndpointNames =>
            [.. run.Steps.SelectMany(step => step.Endpoints).Select(endpoint => endpoint.Name).Concat(run.Audit.Select(audit => audit.Endpoint)).Distinct()];
    }

    extension(StepResult step)
    {
        public long Failed => step.Errors.Values.Sum();

        public PartUse? Part(string name) => step.Parts.FirstOrDefault(part => part.Name == name);

        public EndpointResult? Endpoint(string name) => step.Endpoints.FirstOrDefault(endpoint => endpoint.Name == name);
    }

    extension(Latency latency)
    {
        /// <summary>A figure of the distribution; <see langword="null"/> where nothing was measured, which is not 0 ms.</summary>
        public double? Of(Func<Latency, double> figure) => latency.Count > 0 ? figure(latency) : null;
    }
}
