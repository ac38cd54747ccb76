using System.Text.Json.Nodes;
using CloudSync.Samples.Tests.Hosting;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;

namespace CloudSync.Samples.Tests.Deploy;

/// <summary>The files of deploy/, as data.</summary>
internal static class DeployFiles
{
    /// <summary>The image of a service or container, and the sample in it.</summary>
    public static readonly IReadOnlyDictionary<string, string> Samples = new Dictionary<string, string>
    {
        ["ingest-api"] = "IngestApi",
        ["aws-consumer"] = "AwsSyncHost",
        ["azure-consumer"] = "AzureSyncHost",
    };

    public static string Folder { get; } = Path.Combine(Repository.Root, "deploy");

    public static IEnumerable<string> Find(string pattern) =>
        Directory.EnumerateFiles(Folder, pattern, SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Folder, file)).Order(StringComparer.Ordinal);

    public static string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));

    public static JsonObject Compose() => (JsonObject)Yaml("docker-compose.yml").Single();

    /// <summary>Every document of a YAML file as JSON, merge keys carried out; written and read once, so that a number is a number of any type.</summary>
    public static IReadOnlyList<JsonNode> Yaml(string file)
    {
        var documents = new List<JsonNode>();
        var parser = new MergingParser(new Parser(new StringReader(Read(file))));
        var deserializer = new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build();
        parser.Consume<StreamStart>();
        while (parser.Accept<DocumentStart>(out _))
        {
            if (Json(deserializer.Deserialize(parser)) is { } document)
                documents.Add(JsonNode.Parse(document.ToJsonString())!);
        }

        return documents;
    }

    /// <summary>All that stands anywhere below.</summary>
    public static IEnumerable<JsonNode> Descendants(JsonNode? node) => node switch
    {
        null => [],
        JsonObject o => [o, .. o.SelectMany(property => Descendants(property.Value))],
        JsonArray a => [a, .. a.SelectMany(Descendants)],
        _ => [node],
    };

    private static JsonNode? Json(object? value) => value switch
    {
        null => null,
        IDictionary<object, object?> map => new JsonObject(map.Select(pair => KeyValuePair.Create(pair.Key.ToString()!, Json(pair.Value)))),
        IEnumerable<object?> list => new JsonArray([.. list.Select(Json)]),
        bool b => JsonValue.Create(b),
        string s => JsonValue.Create(s),
        _ => JsonValue.Create(Convert.ToDecimal(value, System.Globalization.CultureInfo.InvariantCulture)),
    };
}
