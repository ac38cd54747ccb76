using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace HostDefaults;

/// <summary>How a host begins and ends, for whoever started it.</summary>
public static class HostProgram
{
    private static readonly TimeSpan HealthTimeout = TimeSpan.FromSeconds(3);

    /// <summary>
    /// Runs until it is told to stop, and then 0. What stops the start, or the end, is said once, on standard error and without a stack, and then 1. With <c>--health</c> it asks the host that
    /// runs beside it whether it lives: 0 or 1. An image without a shell has nobody else to ask.
    /// </summary>
    /// <param name="args">The command line.</param>
    /// <param name="create">Makes the host.</param>
    public static async Task<int> RunAsync(string[] args, Func<string[], WebApplication> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        try
        {
            var asks = args.Contains("--health");
            await using var app = create(asks ? [.. args.Where(arg => arg != "--health")] : args);
            if (asks)
                return await IsAliveAsync(app.Configuration) ? 0 : 1;

            await app.RunAsync();
            return 0;
        }
        catch (Exception e)
        {
            await Console.Error.WriteLineAsync(TextOf(e));
            return 1;
        }
    }

    /// <summary>What is wrong with the settings is a message for people already.</summary>
    private static string TextOf(Exception e) => e switch
    {
        AggregateException all => string.Join(Environment.NewLine, all.Flatten().InnerExceptions.Select(TextOf).Distinct()),
        OptionsValidationException => e.Message,
        { InnerException: { } inner } => $"{e.Message} {TextOf(inner)}",
        _ => e.Message,
    };

    private static async Task<bool> IsAliveAsync(IConfiguration configuration)
    {
        var address = (configuration["Urls"] ?? "http://localhost:5000").Split(';')[0];
        foreach (var everybody in (string[])["//*", "//+", "//0.0.0.0", "//[::]"])
            address = address.Replace(everybody, "//localhost", StringComparison.Ordinal);

        using var client = new HttpClient { Timeout = HealthTimeout };
        try
        {
            using var answer = await client.GetAsync(new Uri(new Uri(address), "/health/live"));
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }
}
