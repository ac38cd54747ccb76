using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Mvc;

namespace CloudSync.Sdk.Ingest;

/// <summary>What became of one message. <c>Detail</c> says why where it was not accepted.</summary>
internal sealed record SyncResult(
    int Status,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Id = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Topic = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Partition = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] long? Offset = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Detail = null)
{
    /// <summary>What is wrong with it, field by field.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<FieldError>? Errors { get; init; }

    /// <summary>Whether it stands for all that follow it as well: nothing of them was accepted, nor looked at.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Rest { get; init; }
}

/// <summary>What became of a batch, message by message, in the order of the body.</summary>
internal sealed record BatchResult(int Accepted, int Failed, IReadOnlyList<SyncResult> Results);

/// <summary>What <c>POST /api/sync</c> takes, for the OpenAPI document; the body itself is read without it.</summary>
internal sealed record SyncMessageBody(
    [property: JsonRequired] System.Text.Json.JsonElement Data, string? Id = null, string? Key = null, string? CorrelationId = null, string? Type = null);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SyncResult))]
[JsonSerializable(typeof(BatchResult))]
[JsonSerializable(typeof(SyncMessageBody[]))]
[JsonSerializable(typeof(IReadOnlyList<SyncResult>))]
[JsonSerializable(typeof(IReadOnlyList<FieldError>))]
[JsonSerializable(typeof(List<SyncResult>))]
[JsonSerializable(typeof(List<FieldError>))]
[JsonSerializable(typeof(FieldError[]))]
[JsonSerializable(typeof(HealthAnswer))]
[JsonSerializable(typeof(ProblemDetails))]
internal sealed partial class IngestJson : JsonSerializerContext;
