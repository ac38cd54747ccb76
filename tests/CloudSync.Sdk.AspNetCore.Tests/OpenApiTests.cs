using CloudSync.Sdk.Ingest;
using Microsoft.AspNetCore.Builder;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>What the sample says of itself, and what an application is told that has left something out.</summary>
public sealed class OpenApiTests
{
    [Fact]
    public async Task The_document_has_every_body_with_an_example_that_is_taken()
    {
        await using var door = await FrontDoor.StartAsync(new FakeProducer());
        var paths = (await door.GetAsync("/openapi/v1.json")).Json.GetProperty("paths");
        foreach (var (path, types) in new[]
        {
            ("/api/sync", (string[])["application/json", "application/cloudevents+json"]),
            ("/api/sync/batch", ["application/json", "application/x-ndjson", "application/cloudevents-batch+json"]),
        })
        {
            var post = paths.GetProperty(path).GetProperty("post");
            var content = post.GetProperty("requestBody").GetProperty("content");
            Assert.Equal(types.Order(), content.EnumerateObject().Select(c => c.Name).Where(name => name != "*/*").Order());
            foreach (var type in types)
            {
                var example = content.GetProperty(type).GetProperty("example");
                var answer = await door.PostAsync(path, example.ValueKind == System.Text.Json.JsonValueKind.String ? example.GetString()! : example.GetRawText(), type);
                Assert.True(answer.Status == 202, $"{path} {type}: {answer.Text}");
            }

            foreach (var status in (string[])["202", "400", "401", "403", "408", "413", "415", "429", "503"])
                Assert.True(post.GetProperty("responses").TryGetProperty(status, out _), status);
        }
    }

    [Fact]
    public async Task The_page_and_the_document_are_there_in_development_alone()
    {
        await using var development = await FrontDoor.StartAsync(new FakeProducer());
        await using var production = await FrontDoor.StartAsync(new FakeProducer(), "--environment=Production", "--Ingest:Authentication:AllowAnonymous=true");

        Assert.Equal(200, (await development.GetAsync("/scalar/")).Status);
        Assert.Equal((404, 404), ((await production.GetAsync("/scalar/")).Status, (await production.GetAsync("/openapi/v1.json")).Status));
    }

    [Fact]
    public async Task An_application_that_has_left_something_out_is_told_what()
    {
        await using var without = WebApplication.CreateBuilder().Build();
        Assert.Contains("AddCloudSyncIngest was not called", Assert.Throws<InvalidOperationException>(() => without.UseCloudSyncIngest()).Message, StringComparison.Ordinal);
        Assert.Contains("AddCloudSyncIngest was not called", Assert.Throws<InvalidOperationException>(() => without.MapCloudSyncIngest()).Message, StringComparison.Ordinal);

        var builder = WebApplication.CreateBuilder();
        builder.Services.AddCloudSyncIngest(options => options.Authentication.AllowAnonymous = true);
        Assert.Throws<InvalidOperationException>(() => builder.Services.AddCloudSyncIngest(_ => { }));
        await using var app = builder.Build();
        Assert.Contains("UseCloudSyncIngest was not called", Assert.Throws<InvalidOperationException>(() => app.MapCloudSyncIngest()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sub", "a", "10.0.0.1", "client a")]
    [InlineData("other", "a", "10.0.0.1", "address 10.0.0.1")]
    [InlineData("other", "a", "::ffff:10.0.0.1", "address 10.0.0.1")]
    [InlineData("other", "a", "2001:db8:1:2:3:4:5:6", "network 2001:db8:1:2::")]
    public void A_client_is_its_token_or_its_address(string claim, string value, string address, string expected)
    {
        var user = new System.Security.Claims.ClaimsPrincipal(new System.Security.Claims.ClaimsIdentity([new(claim, value)]));
        Assert.Equal(expected, ClientRateLimit.ClientOf(user, System.Net.IPAddress.Parse(address)));
    }
}
