using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Hands the grace time to all who have to end within it.</summary>
internal sealed class GraceTimeDefaults(IOptions<CloudSyncHostOptions> host)
    : IConfigureOptions<HostOptions>, IConfigureNamedOptions<CloudSyncConsumerOptions>, IConfigureOptions<CloudSyncProducerOptions>
{
    public void Configure(HostOptions options) => options.ShutdownTimeout = Grace?.ShutdownTimeout ?? options.ShutdownTimeout;

    public void Configure(string? name, CloudSyncConsumerOptions options) => options.Grace = Grace;

    public void Configure(CloudSyncConsumerOptions options) => options.Grace = Grace;

    public void Configure(CloudSyncProducerOptions options) => options.Grace = Grace;

    /// <summary><see langword="null"/> when it is set wrongly, which its own check tells: told by each consumer too, it would look like more.</summary>
    private GraceTime? Grace
    {
        get
        {
            try
            {
                return new GraceTime(host.Value.GraceTime);
            }
            catch (OptionsValidationException)
            {
                return null;
            }
        }
    }
}
