using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using CloudSync.LoadTest.Reports;

namespace CloudSync.LoadTest.ScaleOut;

/// <summary>The files that a run leaves behind.</summary>
internal static class ScaleOutReport
{
    // The file is read by people too: an apostrophe may stay one.
    private static readonly ScaleOutContext Context = new(new JsonSerializerOptions(ScaleOutContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <returns>The paths of the files.</returns>
    /// <exception cref="InvalidOperationException">The folder can't be written to.</exception>
    public static async Task<IReadOnlyList<string>> WriteAsync(ScaleOutResult result, string folder)
    {
        var name = Path.Combine(folder, $"scale_out_{result.Info.Started.UtcDateTime.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture)}");
        try
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllTextAsync($"{name}.json", Json(result));
            await File.WriteAllTextAsync($"{name}.md", Markdown(result));
            return [$"{name}.json", $"{name}.md"];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"The reports can't be written into the folder {folder} (--out): {e.Message} Name another folder, or give the right to write there.", e);
        }
    }

    public static string Json(ScaleOutResult result) => JsonSerializer.Serialize(result, Context.ScaleOutResult);

    public static string Markdown(ScaleOutResult result) =>
        $"""
        # Scale-out of one consumer group

        {ScaleOutTable.Summary(result)}

        {Row(ScaleOutTable.Columns)}
        {Row(ScaleOutTable.Columns.Select(_ => "---:"))}
        {string.Join('\n', result.Counts.Select(count => Row(ScaleOutTable.Row(count))))}

        {ScaleOutTable.Audit(result)}

        {string.Join('\n', result.Checks.Select(check => $"- {ScaleOutTable.Line(check)}"))}

        - Command: {MarkdownText.Escape(result.Info.Command)}, {result.Info.Started.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss 'UTC'", CultureInfo.InvariantCulture)}
        - On {result.Info.Description}; {result.Info.Machine}; {result.Info.Processors} processors
        - {result.Partitions} partitions, payloads of {result.Info.PayloadBytes} bytes, {result.Info.Keys} keys; the endpoint takes {result.EndpointMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms for an answer
        - Each process: {string.Join(", ", result.Settings.Select(setting => $"`{setting.Key}={setting.Value}`"))}; it can take {result.Capacity.ToString("#,0", CultureInfo.InvariantCulture)} messages a second at most

        """;

    private static string Row(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |";
}

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ScaleOutResult))]
internal sealed partial class ScaleOutContext : JsonSerializerContext;
