using System.Diagnostics;
using System.Globalization;
using CloudSync.Ingest;
using CloudSync.Measuring;

// The ingest API beside a bare endpoint: posts a second, by wrk, single and in batches of 100, in turns and each API in a process of its own.
const int BatchSize = 100;

if (args is ["run", var which, var servers, var into])
{
    await Apis.RunAsync(which, servers, into);
    return 0;
}

int Number(string name, int otherwise) => Array.IndexOf(args, name) is >= 0 and var i && i + 1 < args.Length ? int.Parse(args[i + 1], CultureInfo.InvariantCulture) : otherwise;
var (rounds, seconds, connections) = (Number("--rounds", 5), Number("--seconds", 10), Number("--connections", 64));
await using var kafka = await BenchmarkKafka.StartAsync(null);
await Console.Error.WriteLineAsync($"On {kafka.Description}; {connections} connections, {seconds} s each.");
var topic = $"ingest-{Guid.NewGuid():N}";
await kafka.CreateTopicAsync(topic, 12);

using var ours = await Child.StartAsync(Apis.Ours, kafka.BootstrapServers, topic);
using var bare = await Child.StartAsync(Apis.Bare, kafka.BootstrapServers, topic);
var message = $$$"""{"key":"customer-17","data":{"order":4711,"note":"{{{new string('x', 200)}}}"}}""";
foreach (var (name, path, body, messages) in ((string, string, string, int)[])[("single", "/api/sync", message, 1), ($"batches of {BatchSize}", "/api/sync/batch", $"[{string.Join(',', Enumerable.Repeat(message, BatchSize))}]", BatchSize)])
{
    foreach (var api in (Child[])[ours, bare])
        await Wrk.RunAsync(new Uri(api.Address, path), body, connections, Math.Max(2, seconds / 2));

    var results = new List<(double Ours, double Bare)>();
    for (var round = 0; round < rounds; round++)
    {
        // The order is turned round each time: what gets slower over the rounds favours nobody.
        var first = await Wrk.RunAsync(new Uri((round % 2 == 0 ? ours : bare).Address, path), body, connections, seconds);
        var second = await Wrk.RunAsync(new Uri((round % 2 == 0 ? bare : ours).Address, path), body, connections, seconds);
        results.Add(round % 2 == 0 ? (first, second) : (second, first));
        await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{name} {round + 1}/{rounds}: {results[^1].Ours:N0} : {results[^1].Bare:N0} requests/s"));
    }

    var ratios = results.Select(r => r.Ours / r.Bare).Order().ToArray();
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{name}: {Median(ratios):F2} ({ratios[0]:F2}..{ratios[^1]:F2} in {rounds} rounds); {Median(results.Select(r => r.Ours)):N0} : {Median(results.Select(r => r.Bare)):N0} requests/s, {messages * Median(results.Select(r => r.Ours)):N0} : {messages * Median(results.Select(r => r.Bare)):N0} messages/s"));
}

return 0;

static double Median(IEnumerable<double> values) => values.Order().ToArray() is var sorted && sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;

/// <summary>One API in a process of its own.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;

    private Child(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<Child> StartAsync(string which, string bootstrapServers, string topic)
    {
        var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "CloudSync.Ingest.dll"), "run", which, bootstrapServers, topic])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var address = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException($"The API ({which}) has ended instead of listening.");
        return new Child(process, new Uri(address));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
