using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Hands the grace time to all who have to end within it.</summary>
internal sealed class GraceTimeDefaults(IOptions<CloudSyncHostOptions> host, DrainsLater? later = null)
    : IConfigureOptions<HostOptions>, IConfigureNamedOptions<CloudSyncConsumerOptions>, IConfigureOptions<CloudSyncProducerOptions>
{
    public void Configure(HostOptions options) => options.ShutdownTimeout = Grace?.ShutdownTimeout ?? options.ShutdownTimeout;

    public void Configure(string? name, CloudSyncConsumerOptions options) => options.Grace = Grace;

    public void Configure(CloudSyncConsumerOptions options) => options.Grace = Grace;

    public void Configure(CloudSyncProducerOptions options) => options.Grace = Grace;

    /// <summary>What the platform gives; <see langword="null"/> when it is set wrongly, which its own check tells: told by each consumer too, it would look like more.</summary>
    public GraceTime? Given
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

    /// <summary>As <see cref="Given"/>, less what passes before anything drains, unless that is set wrongly, which its own check tells too.</summary>
    public GraceTime? Grace
    {
        get
        {
            try
            {
                return later is null ? Given : Given is { } given ? given with { Before = later.After() } : null;
            }
            catch (OptionsValidationException)
            {
                return Given;
            }
        }
    }
}

/// <summary>Registered by who lets a time pass between the begin of a stop and its first drain.</summary>
/// <param name="after">That time; throws when its options are wrong.</param>
internal sealed class DrainsLater(Func<TimeSpan> after)
{
    private volatile bool _hasPassed;

    /// <summary>All of it.</summary>
    public TimeSpan After() => after();

    /// <summary>What is to come of it. A host tells its services one after the other, and who is told before does not have to know who comes after.</summary>
    public TimeSpan Left() => _hasPassed ? TimeSpan.Zero : after();

    public void Passed() => _hasPassed = true;
}
