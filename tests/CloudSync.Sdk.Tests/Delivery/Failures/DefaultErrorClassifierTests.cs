using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using CloudSync.Sdk.Tests.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace CloudSync.Sdk.Tests;

public class DefaultErrorClassifierTests
{
    public static TheoryData<string, Exception, ErrorType> Kinds => new()
    {
        { "cancelled", new OperationCanceledException(), ErrorType.Timeout },
        { "task cancelled", new TaskCanceledException(), ErrorType.Timeout },
        { "time-out", new TimeoutException(), ErrorType.Timeout },
        { "socket time-out", new SocketException((int)SocketError.TimedOut), ErrorType.Timeout },
        { "reset", new SocketException((int)SocketError.ConnectionReset), ErrorType.NetworkError },
        { "refused", new SocketException((int)SocketError.ConnectionRefused), ErrorType.NetworkError },
        { "no host", new SocketException((int)SocketError.HostNotFound), ErrorType.NetworkError },
        { "TLS", new AuthenticationException("The remote certificate was rejected."), ErrorType.NetworkError },
        { "I/O", new IOException(), ErrorType.NetworkError },
        { "I/O, reset", new IOException("read", new SocketException((int)SocketError.ConnectionReset)), ErrorType.NetworkError },
        { "I/O, time-out", new IOException("read", new SocketException((int)SocketError.TimedOut)), ErrorType.Timeout },
        { "I/O, something else", new IOException("read", new InvalidOperationException()), ErrorType.NetworkError },
        { "no access", new UnauthorizedAccessException(), ErrorType.Authentication },
        { "JSON", new JsonException(), ErrorType.SerializationError },
        { "no converter", Thrown(() => JsonSerializer.Serialize(typeof(string))), ErrorType.SerializationError },
        { "something else that is not supported", Thrown(() => throw new NotSupportedException()), ErrorType.Unknown },
        { "an address that can't be called", Thrown(() => new HttpClient().Send(new HttpRequestMessage(HttpMethod.Post, "ftp://127.0.0.1/"))), ErrorType.Unknown },
        { "no address", Thrown(() => new HttpClient().Send(new HttpRequestMessage())), ErrorType.Unknown },
        { "a client that is gone", new ObjectDisposedException("HttpClient"), ErrorType.Unknown },
        { "HttpClient's time-out", new TaskCanceledException("x", new TimeoutException()), ErrorType.Timeout },
        { "an answer cut short", new HttpIOException(HttpRequestError.ResponseEnded), ErrorType.NetworkError },
        { "HTTP/2", new HttpProtocolException(2, "INTERNAL_ERROR", null), ErrorType.NetworkError },
        { "HTTP, HTTP/2", new HttpRequestException(HttpRequestError.HttpProtocolError, "x", new HttpProtocolException(2, "y", null)), ErrorType.NetworkError },
        { "no host for now", new SocketException((int)SocketError.TryAgain), ErrorType.NetworkError },
        { "validation", new ValidationException("Name is missing."), ErrorType.ValidationError },
        { "anything else", new InvalidOperationException(), ErrorType.Unknown },
        { "wrapped JSON", new InvalidOperationException("x", new JsonException()), ErrorType.SerializationError },
        { "wrapped twice", new InvalidOperationException("x", new InvalidOperationException("y", new TimeoutException())), ErrorType.Timeout },
        { "HTTP without an answer", new HttpRequestException("x"), ErrorType.NetworkError },
        { "HTTP, TLS", new HttpRequestException(HttpRequestError.SecureConnectionError, "x", new AuthenticationException()), ErrorType.NetworkError },
        { "HTTP, DNS", new HttpRequestException(HttpRequestError.NameResolutionError, "x", new SocketException((int)SocketError.HostNotFound)), ErrorType.NetworkError },
        { "HTTP, proxy", new HttpRequestException(HttpRequestError.UserAuthenticationError), ErrorType.Authentication },
        { "HTTP, an answer too long for the client", new HttpRequestException(HttpRequestError.ConfigurationLimitExceeded), ErrorType.Unknown },
        { "HTTP, cancelled within", new HttpRequestException("x", new TaskCanceledException()), ErrorType.Timeout },
        { "HTTP, time-out within", new HttpRequestException("x", new IOException("y", new SocketException((int)SocketError.TimedOut))), ErrorType.Timeout },
        { "HTTP, something unknown within", new HttpRequestException("x", new InvalidOperationException()), ErrorType.NetworkError },
        { "HTTP 503", new HttpRequestException("x", null, HttpStatusCode.ServiceUnavailable), ErrorType.ServiceUnavailable },
        { "HTTP 401", new HttpRequestException("x", null, HttpStatusCode.Unauthorized), ErrorType.Authentication },
        { "HTTP 422", new HttpRequestException("x", null, HttpStatusCode.UnprocessableEntity), ErrorType.ValidationError },
        { "one of one", new AggregateException(new TimeoutException()), ErrorType.Timeout },
        { "one of one of one", new AggregateException(new AggregateException(new JsonException())), ErrorType.SerializationError },
        { "none of none", new AggregateException(), ErrorType.Unknown },
        { "a permanent one and one that may pass", new AggregateException(new JsonException(), new TimeoutException()), ErrorType.Timeout },
        { "permanent ones alone", new AggregateException(new JsonException(), new ValidationException()), ErrorType.SerializationError },
        { "permanent ones and, deep among them, one that may pass", new AggregateException(new JsonException(), new AggregateException(new JsonException(), new InvalidOperationException("x", new IOException()))), ErrorType.NetworkError },
        { "an outage and wrong credentials", new AggregateException(new TimeoutException(), new UnauthorizedAccessException(), new JsonException()), ErrorType.Authentication },
        { "permanent ones and an unknown one", new AggregateException(new JsonException(), new InvalidOperationException()), ErrorType.Unknown },
        { "the sink's word", new SinkException(ErrorType.RateLimited, "x", new JsonException()), ErrorType.RateLimited },
        { "the sink's word, wrapped", new InvalidOperationException("x", new SinkException(ErrorType.Permanent, "y")), ErrorType.Permanent },
    };

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_kind_of_failure_an_exception_is(string name, Exception exception, ErrorType expected)
    {
        Assert.NotEmpty(name);
        Assert.Equal(expected, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public void The_wait_that_a_sink_was_asked_for_comes_along() => Assert.Equal(
        new ErrorClassification(ErrorType.RateLimited, TimeSpan.FromSeconds(7)),
        DefaultErrorClassifier.Classify(new InvalidOperationException(
            "x", new SinkException(ErrorType.RateLimited, "y") { RetryAfter = TimeSpan.FromSeconds(7) })));

    [Fact]
    public void Of_several_causes_who_asks_to_wait_is_heard_and_of_several_of_those_who_asks_for_longest() => Assert.Equal(
        new ErrorClassification(ErrorType.RateLimited, TimeSpan.FromSeconds(7)),
        DefaultErrorClassifier.Classify(new AggregateException(
            new TimeoutException(),
            new SinkException(ErrorType.Authentication, "a") { RetryAfter = TimeSpan.FromSeconds(99) },
            new SinkException(ErrorType.RateLimited, "b"),
            new SinkException(ErrorType.RateLimited, "c") { RetryAfter = TimeSpan.FromSeconds(7) },
            new SinkException(ErrorType.RateLimited, "d") { RetryAfter = TimeSpan.FromSeconds(3) },
            new JsonException())));

    /// <summary>A stack that overflows ends the process, and each restart would meet the same message.</summary>
    [Fact]
    public void A_chain_without_end_is_followed_for_a_while()
    {
        Exception chain = new JsonException(), aggregates = new JsonException(), io = new JsonException(), doubled = new JsonException();
        for (var i = 0; i < 100_000; i++)
        {
            chain = new InvalidOperationException("x", chain);
            aggregates = new AggregateException(aggregates);
            io = new IOException("x", io);
        }

        // Each knows the one below it twice: a walk over all of it would never end.
        for (var i = 0; i < 60; i++)
            doubled = new AggregateException(doubled, doubled);

        Assert.Equal(ErrorType.Unknown, DefaultErrorClassifier.Classify(chain).Type);
        Assert.Equal(ErrorType.Unknown, DefaultErrorClassifier.Classify(aggregates).Type);
        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(io).Type);
        Assert.Equal(ErrorType.Unknown, DefaultErrorClassifier.Classify(doubled).Type);

        // What nobody has looked at may pass.
        var many = Enumerable.Repeat<Exception>(new JsonException(), DefaultErrorClassifier.MaxExceptions).Append(new TimeoutException());
        Assert.Equal(ErrorType.Unknown, DefaultErrorClassifier.Classify(new AggregateException(many)).Type);
    }

    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_a_network_error()
    {
        using var key = ECDsa.Create();
        using var made = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pkcs12), null);
        await using var server = await TestEndpoint.Start(certificate: certificate);
        using var http = new HttpClient();

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(new Uri(server.Url), TestContext.Current.CancellationToken));

        Assert.Equal(HttpRequestError.SecureConnectionError, Assert.IsType<HttpRequestException>(exception).HttpRequestError);
        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    /// <summary>The name is reserved for never being one (RFC 6761); whether a resolver says so, is away, or takes its time, is the machine's affair.</summary>
    [Fact]
    public async Task A_name_that_does_not_resolve_is_a_network_error()
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        var exception = await Assert.ThrowsAsync<HttpRequestException>(() => http.GetAsync(new Uri("http://no-such-host.invalid/"), TestContext.Current.CancellationToken));

        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public async Task HttpClients_own_time_out_is_a_time_out_though_it_looks_like_a_cancellation()
    {
        await using var server = await ServeAsync(async context => await Task.Delay(Timeout.Infinite, context.RequestAborted));
        using var http = new HttpClient { Timeout = TimeSpan.FromMilliseconds(200) };

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(Address(server), TestContext.Current.CancellationToken));

        Assert.IsType<OperationCanceledException>(exception, exactMatch: false);
        Assert.Equal(ErrorType.Timeout, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public async Task A_connection_that_the_server_cuts_is_a_network_error()
    {
        await using var server = await ServeAsync(context =>
        {
            context.Abort();
            return Task.CompletedTask;
        });
        using var http = new HttpClient();

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(Address(server), TestContext.Current.CancellationToken));

        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public async Task A_body_that_ends_too_early_is_a_network_error()
    {
        await using var server = await ServeAsync(async context =>
        {
            context.Response.ContentLength = 100;
            await context.Response.WriteAsync("half", context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
            context.Abort();
        });
        using var http = new HttpClient();

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetStringAsync(Address(server), TestContext.Current.CancellationToken));

        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public async Task TLS_against_a_server_that_speaks_none_is_a_network_error()
    {
        await using var server = await ServeAsync(_ => Task.CompletedTask);
        using var http = new HttpClient();
        var address = new UriBuilder(Address(server)) { Scheme = Uri.UriSchemeHttps }.Uri;

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(address, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_a_network_error()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var http = new HttpClient();

        var exception = await Assert.ThrowsAnyAsync<Exception>(() => http.GetAsync(new Uri($"http://127.0.0.1:{port}"), TestContext.Current.CancellationToken));

        Assert.Equal(ErrorType.NetworkError, DefaultErrorClassifier.Classify(exception).Type);
    }

    [Theory]
    [InlineData(503, ErrorType.ServiceUnavailable)]
    [InlineData(403, ErrorType.Authentication)]
    [InlineData(400, ErrorType.ValidationError)]
    public async Task EnsureSuccessStatusCode_is_enough_for_a_sink(int status, ErrorType expected)
    {
        await using var server = await ServeAsync(context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        using var http = new HttpClient();
        using var answer = await http.GetAsync(Address(server), TestContext.Current.CancellationToken);

        var exception = Assert.Throws<HttpRequestException>(answer.EnsureSuccessStatusCode);

        Assert.Equal(expected, DefaultErrorClassifier.Classify(exception).Type);
    }

    private static Exception Thrown(Action action) => Record.Exception(action) ?? throw new InvalidOperationException("Nothing was thrown.");

    private static async Task<WebApplication> ServeAsync(RequestDelegate handle)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        app.Run(handle);
        await app.StartAsync(TestContext.Current.CancellationToken);
        return app;
    }

    private static Uri Address(WebApplication server) =>
        new(server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
}
