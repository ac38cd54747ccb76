using System.Text.Json;

namespace CloudSync.LoadTest.Load;

/// <summary>What the API says of one message.</summary>
internal readonly record struct IngestResult(int Status, int Partition, long Offset);

/// <summary>Reads the answers of the ingest API: one result, or an object with a list of them in the order of the messages.</summary>
internal static class IngestAnswer
{
    /// <summary>The results that can be read. What is no such answer has none: the messages then count as not acknowledged.</summary>
    public static List<IngestResult> Read(ReadOnlySpan<byte> body, bool isBatch)
    {
        var results = new List<IngestResult>();
        var json = new Utf8JsonReader(body);
        var depth = isBatch ? 2 : 0;
        var (status, partition, offset) = (0, -1, -1L);
        try
        {
            while (json.Read())
            {
                if (json.CurrentDepth == depth && json.TokenType == JsonTokenType.StartObject)
                    (status, partition, offset) = (0, -1, -1);
                else if (json.CurrentDepth == depth && json.TokenType == JsonTokenType.EndObject)
                    results.Add(new IngestResult(partition < 0 || offset < 0 ? NotPlaced(status) : status, partition, offset));
                else if (json.CurrentDepth == depth + 1 && json.TokenType == JsonTokenType.PropertyName)
                    ReadMember(ref json, ref status, ref partition, ref offset);
            }
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException)
        {
            return results;
        }

        return results;
    }

    private static void ReadMember(ref Utf8JsonReader json, ref int status, ref int partition, ref long offset)
    {
        if (json.ValueTextEquals("status"u8) && json.Read())
            status = json.GetInt32();
        else if (json.ValueTextEquals("partition"u8) && json.Read())
            partition = json.GetInt32();
        else if (json.ValueTextEquals("offset"u8) && json.Read())
            offset = json.GetInt64();
        else
            json.Skip();
    }

    /// <summary>A message is accepted when it is said where it stands, and not before.</summary>
    private static int NotPlaced(int status) => status == 202 ? 0 : status;
}
