using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using CloudSync.Samples.Tests.Hosting;
using Json.Schema;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace CloudSync.Samples.Tests.Deploy;

/// <summary>No engine runs here, so what the files of deploy/ say is held against what is in the repository.</summary>
public sealed partial class DeployTests
{
    /// <summary>The schema's own address of its dialect is not the one that the dialect has.</summary>
    private static readonly JsonSchema ComposeSchema = JsonSchema.FromText(Repository.Read("tests/CloudSync.Samples.Tests/Deploy/compose-spec.json")
        .Replace("https://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#", StringComparison.Ordinal));

    public static TheoryData<string> YamlFiles => [.. DeployFiles.Find("*.yml"), .. DeployFiles.Find("*.yaml")];

    public static TheoryData<string> ComposeFiles => [.. DeployFiles.Find("docker-compose*.yml")];

    public static TheoryData<string> Dockerfiles => [.. DeployFiles.Find("Dockerfile.*")];

    public static TheoryData<string> Manifests => [.. DeployFiles.Find("*-*.yaml")];

    public static TheoryData<string> Hosts => [.. DeployFiles.Samples.Keys];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(YamlFiles))]
    public void It_is_yaml(string file) => Assert.NotEmpty(DeployFiles.Yaml(file));

    [Theory, MemberData(nameof(ComposeFiles))]
    public void It_keeps_the_schema_of_the_compose_specification(string file)
    {
        var result = ComposeSchema.Evaluate(JsonSerializer.SerializeToElement(DeployFiles.Yaml(file).Single()), new EvaluationOptions { OutputFormat = OutputFormat.List });

        Assert.True(result.IsValid, string.Join(Environment.NewLine, (result.Details ?? []).Where(d => d.Errors is not null).SelectMany(d => d.Errors!.Select(e => $"{d.InstanceLocation}: {e.Value}"))));
    }

    [Theory, MemberData(nameof(ComposeFiles))]
    public void Every_file_that_a_compose_file_names_is_there(string file)
    {
        var compose = DeployFiles.Yaml(file).Single();
        foreach (var (name, service) in compose["services"]!.AsObject())
        {
            if (service!["build"] is { } build)
            {
                var context = Path.Combine(DeployFiles.Folder, (string)build["context"]!);
                Assert.True(File.Exists(Path.Combine(context, (string)build["dockerfile"]!)), $"{name}: {build["dockerfile"]}");
            }

            foreach (var volume in service["volumes"]?.AsArray() ?? [])
            {
                var source = ((string)volume!).Split(':')[0];
                Assert.True(
                    source.StartsWith("./", StringComparison.Ordinal) ? Path.Exists(Path.Combine(DeployFiles.Folder, source)) : compose["volumes"]![source] is null && compose["volumes"]!.AsObject().ContainsKey(source),
                    $"{name}: {source}");
            }

            foreach (var secret in service["secrets"]?.AsArray() ?? [])
                Assert.NotNull(compose["secrets"]![secret is JsonObject named ? (string)named["source"]! : (string)secret!]);
        }
    }

    /// <summary>A file of secrets is made by somebody, or asked for; and none is in the repository.</summary>
    [Fact]
    public void Every_secret_is_made_or_asked_for_and_none_is_here()
    {
        var script = DeployFiles.Read("secrets.sh");
        foreach (var (_, secret) in DeployFiles.Compose()["secrets"]!.AsObject())
        {
            var file = (string)secret!["file"]!;
            Assert.StartsWith("./secrets/", file, StringComparison.Ordinal);
            Assert.Contains(Path.GetFileName(file), script, StringComparison.Ordinal);
        }

        Assert.Equal("*\n!.gitignore\n", DeployFiles.Read("secrets/.gitignore"));
        foreach (var file in DeployFiles.Find("*").Where(file => !file.StartsWith("secrets/", StringComparison.Ordinal)))
            Assert.DoesNotMatch(LiteralPassword, DeployFiles.Read(file));
    }

    [Theory, MemberData(nameof(Dockerfiles))]
    public void Every_path_that_a_dockerfile_copies_is_there_and_its_program_is_what_it_publishes(string file)
    {
        var text = DeployFiles.Read(file);
        foreach (Match copy in Copies.Matches(text))
        {
            foreach (var source in copy.Groups[1].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                Assert.True(Path.Exists(Path.Combine(Repository.Root, source)), source);
        }

        var project = Publishes.Match(text).Groups[1].Value;
        Assert.True(File.Exists(Path.Combine(Repository.Root, project, Path.GetFileName(project) + ".csproj")), project);
        Assert.Contains($"""ENTRYPOINT ["dotnet", "{Path.GetFileName(project)}.dll"]""", text, StringComparison.Ordinal);
        Assert.Contains("USER $APP_UID", text, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Hosts))]
    public void The_image_of_a_host_has_no_shell_preloads_what_it_copied_and_asks_itself(string host)
    {
        var text = DeployFiles.Read("Dockerfile." + host);

        Assert.Matches(@"FROM mcr\.microsoft\.com/dotnet/aspnet:10\.0-noble-chiseled\n", text);
        Assert.Contains("COPY --from=build /libjemalloc.so.2 /usr/lib/libjemalloc.so.2", text, StringComparison.Ordinal);
        Assert.Contains("LD_PRELOAD=/usr/lib/libjemalloc.so.2", text, StringComparison.Ordinal);
        Assert.Contains($"""CMD ["dotnet", "{DeployFiles.Samples[host]}.dll", "--health"]""", text, StringComparison.Ordinal);
        Assert.Contains("Urls=http://*:8080", text, StringComparison.Ordinal);
        Assert.Contains("EXPOSE 8080", text, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Hosts))]
    public async Task A_host_starts_with_what_the_compose_file_sets(string host)
    {
        var service = DeployFiles.Compose()["services"]![host]!;
        var settings = service["environment"]!.AsObject().ToDictionary(pair => pair.Key, pair => (string)pair.Value!);
        foreach (var secret in service["secrets"]?.AsArray() ?? [])
            settings.Add((string)secret!["target"]!, "secret");

        await AssertStartsAsync(host, settings);
        Assert.Equal((string)service["stop_grace_period"]!, settings["CloudSync__Host__GraceTime"]);
        Assert.Equal("unless-stopped", (string)service["restart"]!);
        Assert.NotNull(service["deploy"]!["resources"]!["limits"]!["memory"]);
    }

    [Theory, MemberData(nameof(Hosts))]
    public async Task A_host_starts_with_what_its_deployment_sets(string host)
    {
        var documents = DeployFiles.Yaml($"kubernetes/{host}.yaml");
        var pod = Assert.Single(documents, d => (string)d["kind"]! == "Deployment")["spec"]!["template"]!["spec"]!;
        var container = Assert.Single(pod["containers"]!.AsArray())!;
        var settings = container["env"]!.AsArray().ToDictionary(e => (string)e!["name"]!, e => (string)e!["value"]!);
        var scraped = (string)Assert.Single(documents, d => (string)d["kind"]! == "Deployment")["spec"]!["template"]!["metadata"]!["annotations"]!["prometheus.io/port"]!;
        Assert.EndsWith(":" + scraped, settings.GetValueOrDefault("Telemetry__MetricsUrl", settings["Urls"]), StringComparison.Ordinal);
        Assert.Contains(container["ports"]!.AsArray(), port => (int)port!["containerPort"]! == int.Parse(scraped, System.Globalization.CultureInfo.InvariantCulture));

        // The keys of its secret are named by the command that makes it.
        foreach (Match key in SecretKeys.Matches(DeployFiles.Read($"kubernetes/{host}.yaml")))
            settings.Add(key.Groups[1].Value, "secret");

        await AssertStartsAsync(host, settings);
        var asleep = (int?)container["lifecycle"]?["preStop"]?["sleep"]?["seconds"] ?? 0;
        Assert.Equal($"{(int)pod["terminationGracePeriodSeconds"]! - asleep}s", settings["CloudSync__Host__GraceTime"]);
        if (settings.TryGetValue("Secrets__Directory", out var directory))
            Assert.Contains(container["volumeMounts"]!.AsArray(), mount => (string)mount!["mountPath"]! == directory);

        foreach (var probe in (string[])["startupProbe", "livenessProbe", "readinessProbe"])
        {
            var get = container[probe]!["httpGet"]!;
            Assert.Contains((string)get["path"]!, (string[])["/health/live", "/health/ready"]);
            Assert.Equal((string)get["port"]!, (string)container["ports"]![0]!["name"]!);
        }

        Assert.Equal(8080, (int)container["ports"]![0]!["containerPort"]!);
        Assert.Equal("http://*:8080", settings["Urls"]);
        Assert.True((bool)pod["securityContext"]!["runAsNonRoot"]!);
        Assert.True((bool)container["securityContext"]!["readOnlyRootFilesystem"]!);
        Assert.Single(documents, d => (string)d["kind"]! == "PodDisruptionBudget");
    }

    [Theory]
    [InlineData("aws-consumer", "Aws")]
    [InlineData("azure-consumer", "Azure")]
    public void A_consumer_is_scaled_by_the_lag_of_its_own_group_up_to_its_partitions(string host, string section)
    {
        var documents = DeployFiles.Yaml($"kubernetes/{host}.yaml");
        var scaled = Assert.Single(documents, d => (string)d["kind"]! == "ScaledObject")["spec"]!;
        var env = Assert.Single(documents, d => (string)d["kind"]! == "Deployment")["spec"]!["template"]!["spec"]!["containers"]![0]!["env"]!.AsArray()
            .ToDictionary(e => (string)e!["name"]!, e => (string)e!["value"]!);
        var kafka = scaled["triggers"]![0]!["metadata"]!;

        Assert.Equal(env[$"CloudSync__{section}__BootstrapServers"], (string)kafka["bootstrapServers"]!);
        Assert.Equal(env[$"CloudSync__{section}__Topic"], (string)kafka["topic"]!);
        Assert.Equal(env[$"CloudSync__{section}__GroupId"], (string)kafka["consumerGroup"]!);
        Assert.Equal(host, (string)scaled["scaleTargetRef"]!["name"]!);
        Assert.Contains($"--partitions {scaled["maxReplicaCount"]}", DeployFiles.Read("docker-compose.yml"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_kustomization_has_every_manifest()
    {
        var resources = DeployFiles.Yaml("kubernetes/kustomization.yaml").Single()["resources"]!.AsArray().Select(r => "kubernetes/" + r);

        Assert.Equal(DeployFiles.Find("*.yaml").Where(file => file != "kubernetes/kustomization.yaml"), resources.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Prometheus_asks_the_hosts_where_they_listen()
    {
        var dns = DeployFiles.Yaml("prometheus/prometheus.yml").Single()["scrape_configs"]![0]!["dns_sd_configs"]![0]!;

        Assert.Equal(DeployFiles.Samples.Keys.Order(), dns["names"]!.AsArray().Select(name => (string)name!).Order());
        Assert.Equal(8080, (int)dns["port"]!);
        Assert.Contains("http://prometheus:9090", DeployFiles.Read("grafana/provisioning/datasources/prometheus.yml"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check config prometheus.yml")]
    [InlineData("check rules alerts.yml")]
    [InlineData("test rules alerts.test.yml")]
    public async Task Promtool_agrees(string command)
    {
        Assert.SkipUnless(PathOf("promtool") is not null, "promtool is not here: apt-get install prometheus");
        using var promtool = Process.Start(new ProcessStartInfo("promtool", command.Split(' '))
        {
            WorkingDirectory = Path.Combine(DeployFiles.Folder, "prometheus"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (promtool.StandardOutput.ReadToEndAsync(Cancelled), promtool.StandardError.ReadToEndAsync(Cancelled));
        await promtool.WaitForExitAsync(Cancelled);

        Assert.True(promtool.ExitCode == 0, await output + await errors);
    }

    [Fact]
    public void Every_alert_has_a_test()
    {
        var alerts = DeployFiles.Yaml("prometheus/alerts.yml").Single()["groups"]!.AsArray().SelectMany(g => g!["rules"]!.AsArray()).Select(rule => (string)rule!["alert"]!);
        var tested = DeployFiles.Yaml("prometheus/alerts.test.yml").Single()["tests"]!.AsArray()
            .SelectMany(t => t!["alert_rule_test"]!.AsArray()).Where(t => t!["exp_alerts"]!.AsArray().Count > 0).Select(t => (string)t!["alertname"]!);

        Assert.Equal(alerts.Order(), tested.Distinct().Order());
    }

    /// <summary>By its own check of settings at start, which knows every name of the SDK's; the others are named here.</summary>
    private static async Task AssertStartsAsync(string host, Dictionary<string, string> settings)
    {
        string[] args =
        [
            .. settings.Where(s => s.Key.Contains("__", StringComparison.Ordinal)).Select(s => $"--{s.Key.Replace("__", ":", StringComparison.Ordinal)}={Interpolate(s.Value)}"),
        ];
        var folder = Path.Combine(Repository.Root, "samples", DeployFiles.Samples[host]);
        await using WebApplication app = host switch
        {
            "ingest-api" => IngestApi.Program.CreateHost(args, folder, Quietly),
            "aws-consumer" => AwsSyncHost.Program.CreateHost(args, folder, Quietly),
            _ => AzureSyncHost.Program.CreateHost(args, folder, Quietly),
        };
        app.Services.GetRequiredService<IStartupValidator>().Validate();

        foreach (var name in settings.Keys.Where(name => !name.StartsWith("CloudSync__", StringComparison.Ordinal)))
            Assert.Contains(name, (string[])["Urls", "Secrets__Directory", "Telemetry__Prometheus", "Telemetry__MetricsUrl", "OTEL_EXPORTER_OTLP_ENDPOINT", "Ingest__Authentication__Authority", "Ingest__Authentication__Audience"]);

        // A section that nobody reads would hold nothing but mistakes.
        foreach (var name in settings.Keys.Where(name => name.StartsWith("CloudSync__", StringComparison.Ordinal)))
            Assert.Contains(name.Split("__")[1], SectionsOf(host));
    }

    private static void Quietly(IHostApplicationBuilder builder) => builder.Logging.ClearProviders();

    private static string[] SectionsOf(string host) => host switch
    {
        "ingest-api" => ["Host", "Producer"],
        "aws-consumer" => ["Host", "Aws", "AwsEndpoint", "Redis"],
        _ => ["Host", "Azure", "AzureEndpoint", "Redis"],
    };

    /// <summary>As compose does, with an address for whatever has no default.</summary>
    private static string Interpolate(string value) => Variable.Replace(value, variable =>
        variable.Groups[1].Value switch
        {
            "AWS_SINK_URL" or "AZURE_SINK_URL" => "https://example.com/events",
            "INGEST_AUTHORITY" => "https://login.example.com/tenant",
            "INGEST_AUDIENCE" => "cloudsync-ingest",
            _ => variable.Groups[2].Value,
        });

    private static string? PathOf(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    [GeneratedRegex(@"^COPY (?!--from)(.+) \S+$", RegexOptions.Multiline)]
    private static partial Regex Copies { get; }

    [GeneratedRegex(@"dotnet publish (\S+) ")]
    private static partial Regex Publishes { get; }

    [GeneratedRegex(@"--from-file=(\S+?)=")]
    private static partial Regex SecretKeys { get; }

    [GeneratedRegex(@"\$\{([A-Z_]+):-([^}]*)\}")]
    private static partial Regex Variable { get; }

    [GeneratedRegex(@"^[^#\n]*(password|api-?key)""?[ \t]*[:=][ \t]*""?[a-z0-9]{3,}", RegexOptions.IgnoreCase | RegexOptions.Multiline)]
    private static partial Regex LiteralPassword { get; }
}
