using System.Text.Json;

namespace CloudSync.LoadTest.Load;

/// <summary>What the API says of one message.</summary>
/// <param name="Status">As if it were the only one.</param>
/// <param name="Partition">Where it stands; -1 where it was not accepted.</param>
/// <param name="Offset">The same.</param>
/// <param name="IsRest">Whether it is said of all that follow, too.</param>
internal readonly record struct IngestResult(int Status, int Partition, long Offset, bool IsRest = false);

/// <summary>Reads the answers of the ingest API: one result, or an object with a list of them in the order of the messages.</summary>
internal static class IngestAnswer
{
    /// <summary>The results that can be read. What is no such answer has none: the messages then count as not acknowledged.</summary>
    public static List<IngestResult> Read(ReadOnlySpan<byte> body, bool isBatch)
    {
        var results = new List<IngestResult>();
        var json = new Utf8JsonReader(body);
        var depth = isBatch ? 2 : 0;
        var (status, partition, offset, isRest) = (0, -1, -1L, false);
        try
        {
            while (json.Read())
            {
                if (isBatch && json.CurrentDepth == 1 && json.TokenType == JsonTokenType.PropertyName && !json.ValueTextEquals("results"u8))
                    json.Skip();
                else if (json.CurrentDepth == depth && json.TokenType == JsonTokenType.StartObject)
                    (status, partition, offset, isRest) = (0, -1, -1, false);
                else if (json.CurrentDepth == depth && json.TokenType == JsonTokenType.EndObject)
                    results.Add(new IngestResult(partition < 0 || offset < 0 ? NotPlaced(status) : status, partition, offset, isRest));
                else if (json.CurrentDepth == depth + 1 && json.TokenType == JsonTokenType.PropertyName)
                    ReadMember(ref json, ref status, ref partition, ref offset, ref isRest);
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return results;
        }

        return results;
    }

    /// <summary>Whether it was Kafka that took nothing: a 503 says so in its text, or of each message. Another one is the API's own.</summary>
    public static bool IsOfKafka(ReadOnlyMemory<byte> problem)
    {
        try
        {
            using var json = JsonDocument.Parse(problem);
            return json.RootElement.ValueKind == JsonValueKind.Object
                && (json.RootElement.TryGetProperty("results", out _)
                    || (json.RootElement.TryGetProperty("detail", out var detail) && detail.ValueKind == JsonValueKind.String && detail.GetString()!.StartsWith("Kafka has not ", StringComparison.Ordinal)));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static void ReadMember(ref Utf8JsonReader json, ref int status, ref int partition, ref long offset, ref bool isRest)
    {
        if (json.ValueTextEquals("status"u8) && json.Read())
            status = json.GetInt32();
        else if (json.ValueTextEquals("partition"u8) && json.Read())
            partition = json.GetInt32();
        else if (json.ValueTextEquals("offset"u8) && json.Read())
            offset = json.GetInt64();
        else if (json.ValueTextEquals("rest"u8) && json.Read())
            isRest = json.GetBoolean();
        else
            json.Skip();
    }

    /// <summary>A message is accepted when it is said where it stands, and not before.</summary>
    private static int NotPlaced(int status) => status == 202 ? 0 : status;
}
