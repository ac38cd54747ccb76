using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static CloudSync.Sdk.Tests.Http.Messages;

namespace CloudSync.Sdk.Tests.Http;

public class HttpAnswerClassifierTests
{
    private const string Throttled = """{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"Rate exceeded for secret-7"}""";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_400_that_throttles_is_no_fault_of_the_message_and_its_body_is_not_repeated()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, Throttled, ("Retry-After", "7"));
        await using var sink = TestSink.To(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal((ErrorType.RateLimited, 400, TimeSpan.FromSeconds(7)), (error.ErrorType, error.StatusCode, error.RetryAfter));
        Assert.Contains("makes it RateLimited", error.Message);
        Assert.DoesNotContain("secret", error.ToString());
    }

    [Fact]
    public async Task A_batch_that_is_throttled_with_a_400_is_not_taken_apart()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, Throttled);
        await using var sink = TestSink.ToBatch(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Batch.SendAsync(Many(8), Token).AsTask());

        Assert.Equal(ErrorType.RateLimited, error.ErrorType);
        Assert.Single(endpoint.Requests);
    }

    [Fact]
    public async Task The_built_in_reading_can_be_switched_off()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, Throttled);
        await using var sink = TestSink.To(endpoint.Url, ("ReadCloudErrors", "false"));

        var error = await Assert.ThrowsAsync<SinkException>(() => sink.Single.SendAsync(Json("a"), Token).AsTask());

        Assert.Equal(ErrorType.ValidationError, error.ErrorType);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_hook_sees_status_headers_and_the_beginning_of_the_body_and_what_it_says_counts(bool inBatches)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(418, new string('x', 5_000), ("x-why", "tea"));
        HttpAnswer? seen = null;
        await using var sink = Hooked(
            endpoint,
            answer =>
            {
                seen = answer;
                return new ErrorClassification(ErrorType.Transient, TimeSpan.FromDays(9));
            },
            ("MaxErrorBytes", "1000"),
            ("Mode", inBatches ? "Batch" : "Single"));

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, inBatches));

        Assert.Equal((ErrorType.Transient, TimeSpan.FromHours(1)), (error.ErrorType, error.RetryAfter));
        Assert.Equal((418, "tea", "application/json"), (seen!.Status, seen.Header("X-Why"), seen.Header("content-type")));
        Assert.Equal(new string('x', 1_000), Encoding.UTF8.GetString(seen.Body.Span));
    }

    [Fact]
    public async Task The_hook_goes_before_the_built_in_reading_and_what_is_not_its_own_goes_on_to_that()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, Throttled);
        ErrorClassification? verdict = new(ErrorType.Permanent);
        await using var sink = Hooked(endpoint, _ => verdict);

        Assert.Equal(ErrorType.Permanent, (await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, false))).ErrorType);

        verdict = null;
        Assert.Equal(ErrorType.RateLimited, (await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, false))).ErrorType);
    }

    [Fact]
    public async Task A_hook_that_throws_leaves_it_to_the_status_and_the_error_says_so_without_what_it_threw()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(503, "secret-7");
        await using var sink = Hooked(endpoint, answer => throw new FormatException(Encoding.UTF8.GetString(answer.Body.Span)));

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, false));

        Assert.Equal(ErrorType.ServiceUnavailable, error.ErrorType);
        Assert.Contains("AnswerClassifier threw FormatException, so the status decides.", error.Message);
        Assert.DoesNotContain("secret", error.ToString());
    }

    [Fact]
    public async Task A_success_is_nothing_to_ask_about()
    {
        await using var endpoint = await TestEndpoint.Start();
        await using var sink = Hooked(endpoint, _ => throw new InvalidOperationException());

        await SendAsync(sink, false);
    }

    [Theory]
    [InlineData("0", false)]
    [InlineData("0", true)]
    [InlineData("1", false)]
    [InlineData("1", true)]
    public async Task Few_bytes_are_few_and_headers_are_seen_all_the_same(string max, bool inBatches)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, Throttled, ("x-amzn-errortype", "ExpiredTokenException"));
        var length = -1;
        await using var sink = Hooked(
            endpoint,
            answer =>
            {
                length = answer.Body.Length;
                return null;
            },
            ("MaxErrorBytes", max),
            ("Mode", inBatches ? "Batch" : "Single"));

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, inBatches));

        Assert.Contains("Check ApiKeyHeader", error.Message);
        Assert.Equal((max, ErrorType.Authentication), (length.ToString(System.Globalization.CultureInfo.InvariantCulture), error.ErrorType));
    }

    [Theory]
    [InlineData(401, ErrorType.Authentication, false)]
    [InlineData(429, ErrorType.RateLimited, false)]
    [InlineData(400, ErrorType.ValidationError, false)]
    [InlineData(503, ErrorType.ServiceUnavailable, true)]
    public async Task A_body_that_breaks_leaves_it_to_the_status(int status, ErrorType expected, bool inBatches)
    {
        var clock = new WatchedClock();
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.ContentLength = 1_000;
            await context.Response.WriteAsync("{\"__type\":", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);

            // The client has read the headers: a reset takes with it what was not read.
            await clock.TimerMade.Task;
            context.Abort();
        };
        await using var sink = TestSink.With(
            null, services => services.AddSingleton<TimeProvider>(clock), ("Url", endpoint.Url), ("Mode", inBatches ? "Batch" : "Single"));

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, inBatches));

        Assert.Equal((expected, status), (error.ErrorType, error.StatusCode));
    }

    [Fact]
    public async Task A_body_that_stalls_is_waited_for_a_short_time_alone()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = StallAsync;
        await using var sink = TestSink.With(null, services => services.AddSingleton<TimeProvider>(new FasterClock()), ("Url", endpoint.Url));

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, false));

        Assert.Equal((ErrorType.RateLimited, TimeSpan.FromSeconds(7)), (error.ErrorType, error.RetryAfter));
    }

    [Theory]
    [InlineData("no")]
    [InlineData("{\"error\":\"no")]
    public async Task A_batch_that_is_refused_with_a_body_that_stalls_is_halved_by_its_status(string begun)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = async (context, request) =>
        {
            // The one at fault is found, and the others are delivered.
            context.Response.StatusCode = Encoding.UTF8.GetString(request.Body).Contains("id-2", StringComparison.Ordinal) ? 422 : 202;
            if (context.Response.StatusCode == 202)
                return;

            await context.Response.WriteAsync(begun);
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        };
        await using var sink = TestSink.With(
            null, services => services.AddSingleton<TimeProvider>(new FasterClock()), ("Url", endpoint.Url), ("Mode", "Batch"), ("ReadCloudErrors", "false"));

        var results = await sink.Batch.SendAsync(Many(4), Token);

        Assert.Equal([null, null, ErrorType.ValidationError, null], results.Select(r => ((SinkException?)r.Error)?.ErrorType));
    }

    [Theory]
    [InlineData(422, ErrorType.ValidationError)]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    public async Task An_error_whose_body_is_not_compressed_as_it_says_is_left_to_its_status(int status, ErrorType expected)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(status, "this is no gzip at all", ("Content-Encoding", "gzip"));
        using var client = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = System.Net.DecompressionMethods.All });
        var sink = new HttpBatchSink(client, new HttpSinkOptions { Url = endpoint.Url });

        var error = status == 422
            ? (await sink.SendAsync(Many(1), Token))[0].Error
            : await Assert.ThrowsAsync<SinkException>(() => sink.SendAsync(Many(1), Token).AsTask());

        Assert.Equal(expected, Assert.IsType<SinkException>(error).ErrorType);
    }

    [Fact]
    public async Task A_call_whose_time_ends_while_it_reads_an_error_still_says_what_the_status_was()
    {
        var clock = new WatchedClock();
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = StallAsync;
        await using var sink = TestSink.With(null, services => services.AddSingleton<TimeProvider>(clock), ("Url", endpoint.Url));
        using var call = new CancellationTokenSource();

        var sending = sink.Single.SendAsync(Json("a"), call.Token).AsTask();
        await clock.TimerMade.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
        await call.CancelAsync();
        var error = await Assert.ThrowsAsync<SinkException>(() => sending);

        Assert.Equal((ErrorType.RateLimited, TimeSpan.FromSeconds(7)), (error.ErrorType, error.RetryAfter));
    }

    /// <summary>One bad message must not take the good ones of its batch with it, whoever says that it is bad.</summary>
    [Theory]
    [InlineData(400)]
    [InlineData(413)]
    [InlineData(422)]
    public async Task A_batch_that_the_hook_gives_up_is_halved_until_the_messages_at_fault_are_found(int status)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, request) =>
        {
            context.Response.StatusCode = Ids(request).Contains("id-5") ? status : 202;
            return context.Response.WriteAsync("poison");
        };
        await using var sink = Hooked(endpoint, _ => new ErrorClassification(ErrorType.Permanent), ("Mode", "Batch"));

        var results = await sink.Batch.SendAsync(Many(8), Token);

        Assert.Equal([5], Enumerable.Range(0, 8).Where(i => !results[i].IsDelivered));
        Assert.Equal(ErrorType.Permanent, Assert.IsType<SinkException>(results[5].Error).ErrorType);
    }

    [Fact]
    public async Task Results_of_the_items_keep_their_own_statuses()
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(400, """{"results":[{"status":202},{"status":422},{"status":429}],"code":"ExpiredToken"}""");
        await using var sink = Hooked(endpoint, _ => new ErrorClassification(ErrorType.Authentication), ("Mode", "Batch"));

        var results = await sink.Batch.SendAsync(Many(3), Token);

        Assert.True(results[0].IsDelivered);
        Assert.Equal([ErrorType.ValidationError, ErrorType.RateLimited], results.Skip(1).Select(r => ((SinkException)r.Error!).ErrorType));
    }

    [Theory]
    [InlineData(429, ErrorType.RateLimited)]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    [InlineData(302, ErrorType.ServiceUnavailable)]
    [InlineData(413, ErrorType.ServiceUnavailable)]
    public async Task Retry_after_is_read_from_any_answer_the_longest_of_several_and_a_413_that_has_one_may_pass(int status, ErrorType expected)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.Answer = (context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = new[] { "soon", "3", "7", "-1" };
            return Task.CompletedTask;
        };
        await using var single = TestSink.To(endpoint.Url);
        await using var batch = TestSink.ToBatch(endpoint.Url);

        var one = await Assert.ThrowsAsync<SinkException>(() => SendAsync(single, false));
        var batchOfOne = await Assert.ThrowsAsync<SinkException>(() => batch.Batch.SendAsync(Many(1), Token).AsTask());

        Assert.All([one, batchOfOne], error => Assert.Equal((expected, TimeSpan.FromSeconds(7)), (error.ErrorType, error.RetryAfter)));
    }

    [Theory]
    [InlineData("-1", 0)]
    [InlineData("99999999999999999999", 3600)]
    [InlineData("Thu, 01 Jan 1970 00:00:00 GMT", 0)]
    [InlineData("soon", null)]
    public async Task What_an_endpoint_asks_for_is_bounded(string text, int? seconds)
    {
        await using var endpoint = await TestEndpoint.Start();
        endpoint.AnswerWith(503, null, ("Retry-After", text));
        await using var sink = TestSink.To(endpoint.Url);

        var error = await Assert.ThrowsAsync<SinkException>(() => SendAsync(sink, false));

        Assert.Equal(seconds, (int?)error.RetryAfter?.TotalSeconds);
    }

    private static async Task StallAsync(HttpContext context, ReceivedRequest request)
    {
        context.Response.StatusCode = 429;
        context.Response.Headers.RetryAfter = "7";
        await context.Response.WriteAsync("{", context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
        await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private static TestSink Hooked(TestEndpoint endpoint, Func<HttpAnswer, ErrorClassification?> hook, params (string Key, string? Value)[] settings) =>
        TestSink.With(options => options.AnswerClassifier = hook, null, [("Url", endpoint.Url), .. settings]);

    private static async Task SendAsync(TestSink sink, bool inBatches)
    {
        if (inBatches)
            await sink.Batch.SendAsync(Many(4), Token);
        else
            await sink.Single.SendAsync(Json("a"), Token);
    }

    private static string[] Ids(ReceivedRequest request)
    {
        using var json = JsonDocument.Parse(request.Body);
        return [.. json.RootElement.EnumerateArray().Select(e => e.GetProperty("id").GetString()!)];
    }

    /// <summary>A clock that stands still, and says when somebody begins to wait by it.</summary>
    private sealed class WatchedClock : FakeTimeProvider
    {
        public TaskCompletionSource TimerMade { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            TimerMade.TrySetResult();
            return base.CreateTimer(callback, state, dueTime, period);
        }
    }
}
