using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.LoadTest.Parts;

/// <summary>What the samples' hosts have in common here.</summary>
internal static class HostParts
{
    public static string SettingsOf(string host) => Path.Combine(AppContext.BaseDirectory, "settings", host);

    /// <summary>Errors alone, for the reports say the rest, and on the standard error: the standard output is for answers.</summary>
    public static void Quietly(IHostApplicationBuilder builder) =>
        builder.Logging.ClearProviders().AddFilter(null, LogLevel.Error).AddSimpleConsole(console => console.SingleLine = true)
            .AddConsole(console => (console.LogToStandardErrorThreshold, console.FormatterName) = (LogLevel.Trace, "simple"));
}
