namespace CloudSync.Sdk.Settings;

/// <summary>What a time that an end may take must be, beside what the platform gives the process.</summary>
internal static class GraceRules
{
    public static IEnumerable<SettingProblem> Check(GraceTime? grace, string setting, TimeSpan value)
    {
        if (grace is { } given && value > given.LongestStop)
            yield return new SettingProblem(
                setting,
                $"is {SettingText.Format(value)}; it must be at most {SettingText.Format(given.LongestStop)}: the platform kills the process after GraceTime, {SettingText.Format(given.Total)}, of which "
                + $"{(given.Before > TimeSpan.Zero ? $"{SettingText.Format(given.Before)} pass before (DrainDelay), " : "")}{SettingText.Format(given.Reserve)} are kept for the last commit and as much for the end of the process. Leave it out, or raise GraceTime together with what the platform gives.");
    }
}
