using CloudSync.Sdk.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk;

/// <summary>Delivers a consumer's messages to an HTTP endpoint.</summary>
public static class HttpSinkBuilderExtensions
{
    /// <summary>
    /// Delivers to an HTTP endpoint as CloudEvents, one by one or in batches (<see cref="HttpSinkOptions.Mode"/>). Settings are checked at start.
    /// </summary>
    /// <param name="builder">The consumer.</param>
    /// <param name="section">Where <see cref="HttpSinkOptions"/> are read from. A name in it that is no setting is an error.</param>
    /// <param name="configure">Changes the options in code, after the section has been read. Called here too, to learn the mode. Default: nothing.</param>
    /// <param name="configureClient">
    /// Changes the <see cref="HttpClient"/>, named <c>cloudsync-{name of the consumer}</c>: adds message handlers, or replaces the primary one. It needs no
    /// time-out and no retry handler; the consumer has both. Requests are not logged, since their addresses and headers may hold secrets. Default: nothing.
    /// </param>
    public static CloudSyncConsumerBuilder UseHttpSink(
        this CloudSyncConsumerBuilder builder,
        IConfiguration section,
        Action<HttpSinkOptions>? configure = null,
        Action<IHttpClientBuilder>? configureClient = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(section);

        var name = builder.Name;
        var mode = ModeOf(section, configure);
        var options = builder.Services.AddCloudSyncOptions<HttpSinkOptions>(name, section, o => [.. HttpSinkRules.Check(o), .. ModeIsStill(mode, o)]);
        if (configure is not null)
            options.Configure(configure);

        builder.Services.AddKeyedSingleton(name, new HttpSinkMark());
        var client = AddClient(builder.Services, ClientName(name), name);
        configureClient?.Invoke(client);

        return mode == HttpSinkMode.Batch
            ? builder.UseBatchSink(services => new HttpBatchSink(
                Client(services, name), Options(services, name), services.GetService<TimeProvider>(), services.GetService<ILogger<HttpBatchSink>>()))
            : builder.UseSink(services => new HttpSink(Client(services, name), Options(services, name), services.GetService<TimeProvider>()));
    }

    /// <summary>Lets a handler write <c>Authorization</c>, after all handlers that were added before: a signature covers what goes out.</summary>
    /// <param name="builder">The consumer, which has its HTTP sink.</param>
    /// <param name="authorizer">Who it is.</param>
    /// <param name="handler">Makes the handler, once, at start.</param>
    /// <exception cref="InvalidOperationException">The consumer has no HTTP sink yet.</exception>
    internal static CloudSyncConsumerBuilder UseAuthorizer(this CloudSyncConsumerBuilder builder, HttpAuthorizer authorizer, Func<IServiceProvider, DelegatingHandler> handler)
    {
        var name = builder.Name;
        if (!builder.Services.Any(service => service.IsKeyedService && service.ServiceType == typeof(HttpSinkMark) && name.Equals(service.ServiceKey)))
            throw new InvalidOperationException($"{authorizer.Name}: consumer '{name}' has no HTTP sink whose requests it could authorize; call UseHttpSink before.");

        builder.Services.Configure<HttpSinkOptions>(name, options => options.Authorizers.Add(authorizer));
        builder.Services.AddHttpClient(ClientName(name)).AddHttpMessageHandler(handler);
        return builder;
    }

    private static string ClientName(string name) => "cloudsync-" + name;

    private static HttpClient Client(IServiceProvider services, string name) =>
        services.GetRequiredService<IHttpClientFactory>().CreateClient(ClientName(name));

    private static HttpSinkOptions Options(IServiceProvider services, string name) =>
        services.GetRequiredService<IOptionsMonitor<HttpSinkOptions>>().Get(name);

    private static IHttpClientBuilder AddClient(IServiceCollection services, string clientName, string name) =>
        services.AddHttpClient(clientName)
            .RemoveAllLoggers()
            .ConfigureHttpClient(client => client.Timeout = Timeout.InfiniteTimeSpan) // The token given to the sink is the time-out.
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan) // The sink keeps one client; new addresses are found by the lifetime of connections below.
            .UseSocketsHttpHandler((handler, provider) => Configure(handler, Options(provider, name)));

    private static void Configure(SocketsHttpHandler handler, HttpSinkOptions options)
    {
        handler.AllowAutoRedirect = false;
        handler.UseCookies = false;
        handler.ConnectTimeout = TimeSpan.FromSeconds(10);
        handler.PooledConnectionLifetime = TimeSpan.FromMinutes(2);
        handler.EnableMultipleHttp2Connections = true;

        // What is left of an answer is read in the background, so that the connection can be used again; past these bounds it is closed.
        handler.MaxResponseDrainSize = options.MaxResponseBytes;
        handler.ResponseDrainTimeout = TimeSpan.FromSeconds(2);

        // On one HTTP/2 connection that died without a word every request would time out.
        handler.KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests;
        handler.KeepAlivePingDelay = TimeSpan.FromSeconds(15);
        handler.KeepAlivePingTimeout = TimeSpan.FromSeconds(10);
    }

    /// <summary>Whether there will be a sink or a batch sink is settled now. What can't be read is told of at start.</summary>
    private static HttpSinkMode ModeOf(IConfiguration section, Action<HttpSinkOptions>? configure)
    {
        var options = new HttpSinkOptions();
        SettingsBinder.Bind(section, options);
        configure?.Invoke(options);
        return options.Mode;
    }

    private static IEnumerable<SettingProblem> ModeIsStill(HttpSinkMode registered, HttpSinkOptions options)
    {
        if (options.Mode != registered)
            yield return new SettingProblem(
                nameof(options.Mode), $"is {options.Mode}, but was {registered} when the sink was registered; set it in the section or in UseHttpSink.");
    }

    /// <summary>Says that a consumer has an HTTP sink.</summary>
    private sealed class HttpSinkMark;
}
