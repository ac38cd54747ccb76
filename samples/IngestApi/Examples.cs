using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace IngestApi;

/// <summary>What the OpenAPI document shows as bodies, so that whoever opens it can send one at once.</summary>
internal static class Examples
{
    private const string Message = """{ "id": "order-4711", "key": "customer-17", "type": "com.example.order.placed", "data": { "amount": 12.5 } }""";

    private const string Event =
        """{ "specversion": "1.0", "id": "order-4711", "source": "/shop", "type": "com.example.order.placed", "partitionkey": "customer-17", "data": { "amount": 12.5 } }""";

    private static readonly Dictionary<string, JsonNode> Bodies = new()
    {
        ["/api/sync application/json"] = JsonNode.Parse(Message)!,
        ["/api/sync application/cloudevents+json"] = JsonNode.Parse(Event)!,
        ["/api/sync/batch application/json"] = JsonNode.Parse($"[{Message}]")!,
        ["/api/sync/batch application/x-ndjson"] = JsonValue.Create(Message + "\n"),
        ["/api/sync/batch application/cloudevents-batch+json"] = JsonNode.Parse($"[{Event}]")!,
    };

    public static Task AddAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellation)
    {
        if (operation.RequestBody?.Content is not { } bodies)
            return Task.CompletedTask;

        // Any type will do for the body of a CloudEvent in binary mode, which a batch has not.
        var path = "/" + context.Description.RelativePath?.Trim('/');
        if (path == "/api/sync/batch")
            bodies.Remove("*/*");
        foreach (var (type, content) in bodies)
        {
            if (Bodies.TryGetValue($"{path} {type}", out var example))
                content.Example = example.DeepClone();
            if (!type.EndsWith("/json", StringComparison.Ordinal))
                content.Schema = null; // The document has one schema for all types of a body, and it is that of the first.
        }

        return Task.CompletedTask;
    }
}
