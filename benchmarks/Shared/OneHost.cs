using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CloudSync.Measuring;

/// <summary>A host with nothing in it but what is measured, and warnings on the standard error.</summary>
internal static class OneHost
{
    public static HostApplicationBuilder Builder()
    {
        var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.SetMinimumLevel(LogLevel.Warning).AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        return builder;
    }
}
