using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary>Says at each start that nobody is asked for a token, where that is so.</summary>
internal sealed class OpenDoorAtStart(IOptions<CloudSyncIngestOptions> options, IHostEnvironment environment, ILogger<TokenChecks> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Authentication.AllowAnonymous)
            IngestLog.Anonymous(logger);
        else if (!options.Value.Authentication.ChecksTokens && environment.IsDevelopment())
            IngestLog.AnonymousInDevelopment(logger);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
