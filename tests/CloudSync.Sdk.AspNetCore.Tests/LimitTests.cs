using CloudSync.Sdk.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.AspNetCore.Tests;

/// <summary>A 413 names its limit, whosever it is; and the log says what Kafka lacks.</summary>
public sealed class LimitTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_over_the_producers_limit_is_answered_with_413_that_names_it()
    {
        await using var kafka = EmbeddedKafka.Start();
        kafka.CreateTopic("data-topic");
        await using var door = await FrontDoor.StartAsync(null, $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}", "--CloudSync:Producer:MaxMessageBytes=2000", "--Ingest:ProduceTimeout=00:00:30");
        var large = $$"""{"id":"large","data":"{{new string('x', 2_000)}}"}""";

        var one = await door.PostAsync("/api/sync", large);
        Assert.Equal((413, true, 2_000, "body"), (one.Status, one.IsProblem, one.Json.GetProperty("limit").GetInt32(), one.Json.GetProperty("errors")[0].GetProperty("field").GetString()));

        var all = await door.PostAsync("/api/sync/batch", $"[{large},{large}]");
        Assert.Equal((413, true, 2_000), (all.Status, all.IsProblem, all.Json.GetProperty("limit").GetInt32()));

        var some = await door.PostAsync("/api/sync/batch", $$"""[{"id":"small","data":1},{{large}}]""");
        Assert.Equal((207, "small:202 large:413"), (some.Status, some.Results));
        var error = some.Json.GetProperty("results")[1].GetProperty("errors")[0];
        Assert.Equal(("[1]", 2_000), (error.GetProperty("field").GetString(), error.GetProperty("limit").GetInt32()));
    }

    [Theory]
    [InlineData("/api/sync", "")]
    [InlineData("/api/sync/batch", "[")]
    public async Task A_body_over_the_servers_own_limit_is_answered_with_413_that_names_it(string path, string open)
    {
        var producer = new FakeProducer();
        var ahead = new ReadsAhead();
        await using var door = await FrontDoor.StartAsync(producer, services => services.AddSingleton<IStartupFilter>(ahead).Configure<KestrelServerOptions>(kestrel => kestrel.Limits.MaxRequestBodySize = 1_000));
        using var content = new StreamedBatchTests.Produced(async stream =>
        {
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes($$"""{{open}}{"data":"{{new string('x', 100)}}"""), Cancellation);
            await stream.FlushAsync(Cancellation);
            await ahead.HasRead.Task;
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(new string('x', 5_000)), Cancellation);
        });
        using var response = await door.Client.PostAsync(new Uri(path, UriKind.Relative), content, Cancellation);
        var answer = new Answer((int)response.StatusCode, response.Content.Headers.ToDictionary(h => h.Key, h => string.Join(", ", h.Value)), await response.Content.ReadAsStringAsync(Cancellation));

        Assert.Equal((413, true, 1_000), (answer.Status, answer.IsProblem, answer.Json.GetProperty("limit").GetInt32()));
        Assert.Empty(producer.Queued);
    }

    [Fact]
    public async Task A_topic_that_is_missing_is_named_in_the_log_with_what_to_do()
    {
        await using var kafka = EmbeddedKafka.Start();
        await using var door = await FrontDoor.StartAsync(null, $"--CloudSync:Producer:BootstrapServers={kafka.BootstrapServers}", "--CloudSync:Producer:Kafka:allow.auto.create.topics=false", "--CloudSync:Producer:FlushTimeout=00:00:01", "--Ingest:ProduceTimeout=00:00:00.200");

        Assert.Equal(503, (await door.PostAsync("/api/sync", """{"data":1}""")).Status);
        Assert.Equal(503, (await door.PostAsync("/api/sync/batch", """[{"data":1}]""")).Status);

        // Written once the answer is on its way.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        patience.CancelAfter(TimeSpan.FromSeconds(30));
        while (door.Log.Entries.Count(e => e.Event == 3001) < 2)
            await Task.Delay(20, patience.Token);

        Assert.All(door.Log.Entries.Where(e => e.Event == 3001), e =>
        {
            Assert.Equal(LogLevel.Warning, e.Level);
            Assert.Contains("ProduceTimeout", e.Text, StringComparison.Ordinal);
            Assert.Contains("'data-topic'", e.Text, StringComparison.Ordinal);
            Assert.Contains("Create the topic", e.Text, StringComparison.Ordinal);
        });
    }

    /// <summary>Reads a part of a body before the front door does, and gives it back, as a middleware does that looks into bodies: then the server's limit is settled.</summary>
    private sealed class ReadsAhead : IStartupFilter
    {
        public TaskCompletionSource HasRead { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (HttpContext context, RequestDelegate after) =>
            {
                var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
                context.Request.BodyReader.AdvanceTo(read.Buffer.Start);
                HasRead.TrySetResult();
                await after(context);
            });
            next(app);
        };
    }
}
