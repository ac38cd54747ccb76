using System.Reflection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.Tests;

/// <summary>Whoever is woken by an event id looks it up: it means one thing.</summary>
public class EventIdTests
{
    private static readonly string[] Assemblies =
        ["CloudSync.Sdk", "CloudSync.Sdk.AspNetCore", "CloudSync.Sdk.Aws", "CloudSync.Sdk.Azure", "CloudSync.Sdk.Http", "CloudSync.Sdk.Redis"];

    [Fact]
    public void Each_event_has_an_id_of_its_own_in_all_packages()
    {
        var events = Assemblies.SelectMany(name => Assembly.Load(name).GetTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(method => (Method: $"{method.DeclaringType!.Name}.{method.Name}", method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId))
            .Where(e => e.EventId is not null).ToList();

        Assert.True(events.Count > 50, $"{events.Count} events were found.");
        Assert.Empty(events.GroupBy(e => e.EventId).Where(same => same.Count() > 1).Select(same => $"{same.Key}: {string.Join(", ", same.Select(e => e.Method))}"));
    }
}
