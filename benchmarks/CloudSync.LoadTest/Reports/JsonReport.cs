using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.LoadTest.Results;

namespace CloudSync.LoadTest.Reports;

/// <summary>The whole of a round as JSON: what a later run is compared with.</summary>
internal static class JsonReport
{
    /// <summary>Counts up when a file of before can't be read as one of now.</summary>
    public const int Schema = 1;

    private const string What = "a result of this load test (round_*.json)";

    // The file is read by people too, and put into no page: an apostrophe may stay one.
    private static readonly StoredRunContext Context = new(new JsonSerializerOptions(StoredRunContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static string Of(RunResult run) => JsonSerializer.Serialize(new StoredRun(Schema, run), Context.StoredRun);

    /// <summary>Reads what was written before.</summary>
    /// <exception cref="ReportException">The file is missing, can't be read, or is no such result; the message names it.</exception>
    public static RunResult Read(string path)
    {
        try
        {
            var json = File.ReadAllText(path);
            CheckSchema(json, path);
            var run = JsonSerializer.Deserialize(json, Context.StoredRun)!.Run;
            return IsComplete(run) ? run : throw new ReportException($"{path} is not {What}: a step, a part or an endpoint in it is null.");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ReportException($"There is no file {path}; it should be {What}.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ReportException($"{path} can't be read: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new ReportException($"{path} is not {What}: {e.Message}", e);
        }
    }

    // A list may hold null, whatever its type says of that.
    private static bool IsComplete(RunResult run) =>
        run.Audit.All(audit => audit is not null)
        && run.Steps.All(step => step is not null && step.Parts.All(part => part is not null) && step.Endpoints.All(endpoint => endpoint is not null) && step.Intervals.All(second => second is not null));

    // Before all else: a file of another version lacks members or has others, and would be called broken.
    private static void CheckSchema(string json, string path)
    {
        using var document = JsonDocument.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("schema", out var schema) || schema.ValueKind != JsonValueKind.Number)
            throw new ReportException($"{path} is not {What}: it has no number \"schema\".");

        if (!schema.TryGetInt32(out var version) || version != Schema)
            throw new ReportException($"{path} has the schema {schema}, and this program reads {Schema}: make it anew, or compare with the program that wrote it.");
    }
}

/// <summary>What stands in the file.</summary>
internal sealed record StoredRun(int Schema, RunResult Run);

// A figure that is no number must not cost the result of a long run.
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    IgnoreReadOnlyProperties = true,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(StoredRun))]
internal sealed partial class StoredRunContext : JsonSerializerContext;
