using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Sdk.Tests.Settings;

public class GraceTimeTests
{
    [Theory]
    [InlineData("5s", 4, 3, 3)]
    [InlineData("10s", 9, 8, 8)] // Docker
    [InlineData("30s", 27, 24, 24)] // Kubernetes
    [InlineData("60s", 55, 50, 50)]
    [InlineData("10m", 595, 590, 120)]
    public void What_the_grace_time_makes_of_what_is_not_set(string graceTime, int shutdown, int longest, int stop)
    {
        using var services = Services(("Host:GraceTime", graceTime));
        var consumer = services.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get("aws");
        var producer = services.GetRequiredService<IOptions<CloudSyncProducerOptions>>().Value;

        Assert.Equal(TimeSpan.FromSeconds(shutdown), services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout);
        Assert.Equal((TimeSpan.FromSeconds(stop), TimeSpan.FromSeconds(stop)), (consumer.DrainTimeout, producer.FlushTimeout));
        Assert.Equal(TimeSpan.FromSeconds(longest), consumer.Grace!.Value.LongestStop);
        Validate(services);
    }

    [Fact]
    public void Without_a_setting_it_is_thirty_seconds()
    {
        using var services = Services();

        Assert.Equal(TimeSpan.FromSeconds(27), services.GetRequiredService<IOptions<HostOptions>>().Value.ShutdownTimeout);
    }

    [Fact]
    public void What_is_set_stays_up_to_what_the_grace_time_leaves()
    {
        using var services = Services(("Host:GraceTime", "10s"), ("Aws:DrainTimeout", "8s"), ("Producer:FlushTimeout", "2s"));

        Validate(services);

        Assert.Equal(TimeSpan.FromSeconds(8), services.GetRequiredService<IOptionsMonitor<CloudSyncConsumerOptions>>().Get("aws").DrainTimeout);
        Assert.Equal(TimeSpan.FromSeconds(2), services.GetRequiredService<IOptions<CloudSyncProducerOptions>>().Value.FlushTimeout);
    }

    [Fact]
    public void What_is_set_longer_than_the_grace_time_leaves_stops_the_start()
    {
        using var services = Services(("Host:GraceTime", "10s"), ("Aws:DrainTimeout", "9s"), ("Producer:FlushTimeout", "25s"));

        var messages = Assert.Throws<AggregateException>(() => Validate(services)).InnerExceptions.Select(e => e.Message).Order(StringComparer.Ordinal);

        Assert.Equal(
            [
                "CloudSync:Aws:DrainTimeout is 00:00:09; it must be at most 00:00:08: the platform kills the process after GraceTime, 00:00:10, of which 00:00:01 are kept for the last commit and as much "
                + "for the end of the process. Leave it out, or raise GraceTime together with what the platform gives.",
                "CloudSync:Producer:FlushTimeout is 00:00:25; it must be at most 00:00:08: the platform kills the process after GraceTime, 00:00:10, of which 00:00:01 are kept for the last commit and as much "
                + "for the end of the process. Leave it out, or raise GraceTime together with what the platform gives.",
            ],
            messages);
    }

    [Fact]
    public void A_grace_time_out_of_range_is_told_once()
    {
        using var services = Services(("Host:GraceTime", "1s"));

        Assert.Equal(
            "CloudSync:Host:GraceTime is 00:00:01; it must be from 00:00:05 to 01:00:00.",
            Assert.Throws<OptionsValidationException>(() => Validate(services)).Message);
    }

    [Fact]
    public async Task The_start_says_the_times()
    {
        var log = new FakeLogCollector();
        using var host = Host(log, _ => { });

        await host.StartAsync(TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);

        var line = Assert.Single(log.GetSnapshot(), record => record.Id.Id == 1601);
        Assert.Equal(
            "Told to stop, this process takes at most 00:00:10 (GraceTime; the platform must give as much): the host gives its services 00:00:09; a consumer drains, and the producer flushes, for up to "
            + "00:00:08 where DrainTimeout and FlushTimeout are not set.",
            line.Message);
    }

    [Fact]
    public async Task A_host_that_gives_its_services_more_than_there_is_does_not_start()
    {
        using var host = Host(new FakeLogCollector(), services => services.Configure<HostOptions>(o => o.ShutdownTimeout = TimeSpan.FromSeconds(9.5)));

        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(TestContext.Current.CancellationToken));

        Assert.StartsWith("HostOptions.ShutdownTimeout is 00:00:09.5; it must be at most 00:00:09: GraceTime is 00:00:10,", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void There_is_one_grace_time() =>
        Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddCloudSyncGraceTime().AddCloudSyncGraceTime());

    private static void Validate(ServiceProvider services) => services.GetRequiredService<IStartupValidator>().Validate();

    private static IHost Host(FakeLogCollector log, Action<IServiceCollection> configure)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Logging.AddProvider(new FakeLoggerProvider(log));
        builder.Services.AddCloudSyncGraceTime().Configure<CloudSyncHostOptions>(o => o.GraceTime = TimeSpan.FromSeconds(10));
        configure(builder.Services);
        return builder.Build();
    }

    private static ServiceProvider Services(params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(
            [
                new("CloudSync:Aws:BootstrapServers", "localhost:9092"), new("CloudSync:Producer:BootstrapServers", "localhost:9092"),
                .. settings.Select(s => KeyValuePair.Create("CloudSync:" + s.Key, (string?)s.Value)),
            ]).Build().GetSection("CloudSync");
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddCloudSyncConsumer("aws", configuration.GetSection("Aws"));
        services.AddCloudSyncProducer(configuration.GetSection("Producer"));
        services.AddCloudSyncGraceTime(configuration.GetSection("Host"));
        return services.BuildServiceProvider();
    }
}
