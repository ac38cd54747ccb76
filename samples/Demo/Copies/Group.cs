using System.Globalization;

namespace Demo.Copies;

/// <summary>A cloud, and the host that delivers to it.</summary>
/// <param name="Name">The consumer's name, and the cloud's.</param>
/// <param name="Section">What the host's settings begin with.</param>
/// <param name="Program">The host's program.</param>
/// <param name="ApiKeyHeader">The header that its endpoint wants the key in.</param>
internal sealed record Cloud(string Name, string Section, string Program, string ApiKeyHeader)
{
    public static readonly IReadOnlyList<Cloud> All =
    [
        new("aws", "Aws", "AwsSyncHost.dll", "x-api-key"),
        new("azure", "Azure", "AzureSyncHost.dll", "Ocp-Apim-Subscription-Key"),
    ];
}

/// <summary>A cloud's consumer group: two processes, of which one is killed half-way and started again when the other has taken over what it left.</summary>
internal sealed class Group(Cloud cloud, EndpointLedger ledger, CopiesEndpoint endpoint, IReadOnlyList<string> settings, FileLog log, Action<string> say) : IDisposable
{
    private readonly Member?[] _members = new Member?[EndpointLedger.Lives];
    private Member? _killed;

    /// <summary>Whether both processes deliver.</summary>
    public bool IsHeard => ledger.RequestsOf(EndpointLedger.Victim) > 0 && ledger.RequestsOf(EndpointLedger.Other) > 0;

    /// <summary>Whether the process that was started again delivers.</summary>
    public bool IsHeardAgain => ledger.RequestsOf(EndpointLedger.SecondLife) > 0;

    /// <summary>A process that has ended though nobody killed it.</summary>
    public string? Fallen => Array.Find(_members, member => member is not null && member != _killed && member.HasEnded)?.Name;

    public void Start()
    {
        Start($"{cloud.Name}-1", EndpointLedger.Victim);
        Start($"{cloud.Name}-2", EndpointLedger.Other);
    }

    /// <summary>Kills the first process when enough of its messages are under way, waits until all that died with it has come again, and starts it anew.</summary>
    public async Task KillAndStartAgainAsync(CancellationToken cancellation)
    {
        await ledger.EnoughAreUnderWay.WaitAsync(cancellation);
        var killed = _killed = _members[EndpointLedger.Victim]!;
        await killed.KillAsync();
        var died = ledger.Kill();
        var killedAt = TimeProvider.System.GetTimestamp();
        say(string.Create(CultureInfo.InvariantCulture, $"{killed.Name} (process {killed.ProcessId}) is killed with {died:N0} messages under way."));

        while (ledger.NotCameAgain().Count > 0)
            await Task.Delay(20, cancellation);
        say(string.Create(
            CultureInfo.InvariantCulture,
            $"{cloud.Name}-2 has sent all of them again, {TimeProvider.System.GetElapsedTime(killedAt).TotalSeconds:0.0} s later; {killed.Name} is started again."));
        Start($"{killed.Name} again", EndpointLedger.SecondLife);
    }

    public void Dispose()
    {
        foreach (var member in _members)
            member?.Dispose();
        Array.Clear(_members);
    }

    private void Start(string name, int life) => _members[life] = Member.Start(
        name,
        cloud.Program,
        // Two of each on one machine, whose health and metrics nobody asks for.
        ["--Urls=http://127.0.0.1:0", "--Telemetry:Prometheus=false", .. settings, $"--CloudSync:{cloud.Section}Endpoint:Url={endpoint.AddressOf(life)}"],
        ($"CloudSync__{cloud.Section}Endpoint__ApiKey", Program.ApiKeyOf(cloud.Name)),
        log);
}
