using System.Net.Http.Headers;
using CloudSync.Sdk;
using Confluent.Kafka;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.Options;

namespace IngestApi;

/// <summary>What became of one message. <c>Detail</c> says why where it was not accepted.</summary>
internal sealed record SyncResult(
    int Status,
    string Id,
    string? Topic = null,
    int? Partition = null,
    long? Offset = null,
    string? Detail = null);

/// <summary>What became of a batch, message by message, in the order of the body.</summary>
internal sealed record BatchResult(int Accepted, int Failed, IReadOnlyList<SyncResult> Results);

/// <summary><c>POST /api/sync</c> and <c>POST /api/sync/batch</c>: 202 only after the brokers' acknowledgement.</summary>
internal sealed partial class IngestEndpoints(
    ICloudSyncProducer producer, IOptions<IngestOptions> options, TimeProvider time, ILogger<IngestEndpoints> logger)
{
    private readonly IngestOptions _options = options.Value;

    public static void Map(WebApplication app)
    {
        var endpoints = app.Services.GetRequiredService<IngestEndpoints>();
        app.MapPost("/api/sync", (Delegate)endpoints.PostOneAsync);
        app.MapPost("/api/sync/batch", (Delegate)endpoints.PostManyAsync);
    }

    private async Task<IResult> PostOneAsync(HttpContext context)
    {
        var (requests, refusal) = await ReadAsync(context, batch: false, _options.MaxBodyBytes);
        if (refusal is not null)
            return refusal;

        var result = (await ProduceAsync(requests, context.RequestAborted))[0];
        if (result.Status == StatusCodes.Status202Accepted)
            return TypedResults.Json(result, statusCode: result.Status);

        if (result.Status == StatusCodes.Status503ServiceUnavailable)
            AskToComeAgain(context);
        return Problem(result.Status, result.Detail!, ("id", result.Id));
    }

    private async Task<IResult> PostManyAsync(HttpContext context)
    {
        var (requests, refusal) = await ReadAsync(context, batch: true, _options.MaxBatchBodyBytes);
        if (refusal is not null)
            return refusal;

        var results = await ProduceAsync(requests, context.RequestAborted);
        var accepted = results.Count(r => r.Status == StatusCodes.Status202Accepted);
        var status = StatusCodes.Status207MultiStatus;
        if (accepted == results.Length)
            status = StatusCodes.Status202Accepted;
        else if (results.All(r => r.Status == StatusCodes.Status503ServiceUnavailable))
            status = StatusCodes.Status503ServiceUnavailable;

        if (results.Any(r => r.Status == StatusCodes.Status503ServiceUnavailable))
            AskToComeAgain(context);
        return status == StatusCodes.Status503ServiceUnavailable
            ? Problem(status, "Kafka has taken none of the messages.", ("results", results))
            : TypedResults.Json(new BatchResult(accepted, results.Length - accepted, results), statusCode: status);
    }

    /// <summary>
    /// Queues the messages one after the other, so that those of one key stay in the order of the body, and only then waits for the acknowledgements.
    /// </summary>
    private async Task<SyncResult[]> ProduceAsync(IReadOnlyList<SyncRequest> requests, CancellationToken aborted)
    {
        using var deadline = new CancellationTokenSource(_options.ProduceTimeout, time);
        using var cancellation = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        var acknowledgements = new Acknowledgement[requests.Count];
        for (var i = 0; i < acknowledgements.Length; i++)
        {
            var request = requests[i];
            var acknowledgement = acknowledgements[i] = new Acknowledgement();
            var message = new OutgoingMessage(request.Data)
            {
                Id = request.Id,
                Key = request.Key,
                CorrelationId = request.CorrelationId,
                Type = request.Type,
            };
            try
            {
                await producer.EnqueueAsync(message, acknowledgement, cancellation.Token);
            }
            catch (ProduceFailedException e)
            {
                acknowledgement.TrySetException(e);
            }
            catch (OperationCanceledException)
            {
                acknowledgement.TrySetCanceled(cancellation.Token);
            }
        }

        var results = new SyncResult[acknowledgements.Length];
        for (var i = 0; i < results.Length; i++)
            results[i] = await ResultOfAsync(requests[i], acknowledgements[i].Task, cancellation.Token);

        if (deadline.IsCancellationRequested && !aborted.IsCancellationRequested)
            LogNotInTime(results.Count(r => r.Status == StatusCodes.Status503ServiceUnavailable), results.Length, _options.ProduceTimeout);
        return results;
    }

    private async Task<SyncResult> ResultOfAsync(SyncRequest request, Task<ProducedMessage> acknowledged, CancellationToken cancellation)
    {
        try
        {
            var produced = await acknowledged.WaitAsync(cancellation);
            return new SyncResult(StatusCodes.Status202Accepted, produced.Id, produced.Topic, produced.Partition, produced.Offset);
        }
        catch (ProduceFailedException e) when (e.IsPermanent)
        {
            // Its own text names topic, settings and addresses, which are for our log and not for a caller.
            LogRefused(request.Id!, e.Message);
            return e.InnerException is null or KafkaException { Error.Code: ErrorCode.MsgSizeTooLarge }
                ? new SyncResult(StatusCodes.Status413PayloadTooLarge, request.Id!, Detail: "The message is larger than Kafka takes.")
                : new SyncResult(StatusCodes.Status400BadRequest, request.Id!, Detail: "Kafka takes no message like this one.");
        }
        catch (ProduceFailedException e)
        {
            LogRefused(request.Id!, e.Message);
            return new SyncResult(
                StatusCodes.Status503ServiceUnavailable,
                request.Id!,
                Detail: "Kafka has not taken the message. Post it again with the same id and key: a duplicate is recognised.");
        }
        catch (OperationCanceledException)
        {
            return new SyncResult(
                StatusCodes.Status503ServiceUnavailable,
                request.Id!,
                Detail: $"Kafka has not acknowledged the message within {_options.ProduceTimeout.TotalSeconds:0.###} s (Ingest:ProduceTimeout). "
                    + "It may still take it: post it again with the same id and key: a duplicate is recognised.");
        }
    }

    private async Task<(IReadOnlyList<SyncRequest> Requests, IResult? Refusal)> ReadAsync(HttpContext context, bool batch, int limit)
    {
        if (WhatIsWrongWithTheContent(context.Request) is { } unsupported)
        {
            context.Response.Headers.Accept = "application/json";
            return ([], Problem(StatusCodes.Status415UnsupportedMediaType, unsupported));
        }

        ReadOnlyMemory<byte>? body;
        try
        {
            body = await ReadBodyAsync(context.Request, limit);
        }
        catch (BadHttpRequestException e)
        {
            return ([], Problem(e.StatusCode, "The body could not be read: it ended early, came too slowly, or is framed wrongly."));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException && context.RequestAborted.IsCancellationRequested)
        {
            return ([], TypedResults.StatusCode(StatusCodes.Status499ClientClosedRequest));
        }

        if (body is null)
            return ([], Problem(StatusCodes.Status413PayloadTooLarge, $"The body is larger than the limit of {limit} bytes.", ("limit", limit)));

        var read = SyncRequestReader.Read(body.Value, batch, _options);
        var errors = read.Errors.ToList();
        var header = IdFromHeader(context.Request, errors);
        if (errors.Count == 0)
            return ([.. read.Requests.Select((request, index) => request with { Id = request.Id ?? IdFor(header, index, batch) })], null);

        var first = errors[0];
        return ([], Problem(StatusCodes.Status400BadRequest, $"{first.Field} {first.Detail}. Nothing has been accepted.", ("errors", errors)));
    }

    // A batch's header names each of its messages by its place, so that posting the same batch again is as safe as posting one message again.
    private static string IdFor(string? header, int index, bool batch) =>
        header is null ? Guid.CreateVersion7().ToString() : batch ? $"{header}-{index}" : header;

    private string? IdFromHeader(HttpRequest request, List<FieldError> errors)
    {
        const string Name = "Idempotency-Key";
        var values = request.Headers[Name];
        if (values.Count == 0)
            return null;

        // The header's draft standard writes the key as a quoted string; most clients don't.
        var id = values.Count == 1 ? values[0]! : "";
        if (id.Length >= 2 && id[0] == '"' && id[^1] == '"')
            id = id[1..^1];
        if (values.Count > 1)
            errors.Add(new FieldError(Name, "is given twice"));
        else if (SyncRequestReader.WhatIsWrongWith(id, _options.MaxIdBytes, travelsAsHeader: true) is { } error)
            errors.Add(new FieldError(Name, error.Detail, error.Limit));
        return id;
    }

    private static string? WhatIsWrongWithTheContent(HttpRequest request)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
            return "The body must not be compressed.";
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out var type) || type.MediaType is not { } name
            || !(name.Equals("application/json", StringComparison.OrdinalIgnoreCase) || name.EndsWith("+json", StringComparison.OrdinalIgnoreCase)))
            return "The content type must be application/json.";
        return type.CharSet is { } charset && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase)
            ? "The character set must be utf-8."
            : null;
    }

    /// <summary>The whole body, or <see langword="null"/> when it is larger than the limit. Never holds more than the limit and a byte.</summary>
    private static async Task<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpRequest request, int limit)
    {
        if (request.ContentLength > limit)
            return null;

        var cancellation = request.HttpContext.RequestAborted;
        var buffer = new byte[(int)Math.Min(limit + 1L, (request.ContentLength ?? 4095) + 1)];
        var length = 0;
        while (await request.Body.ReadAsync(buffer.AsMemory(length), cancellation) is > 0 and var read)
        {
            length += read;
            if (length > limit)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min(limit + 1L, buffer.Length * 2L));
        }

        return buffer.AsMemory(0, length);
    }

    private void AskToComeAgain(HttpContext context) =>
        context.Response.Headers.RetryAfter = ((int)_options.RetryAfter.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static ProblemHttpResult Problem(int status, string detail, (string Name, object? Value)? extension = null) =>
        TypedResults.Problem(
            detail,
            statusCode: status,
            extensions: extension is { } more ? [new KeyValuePair<string, object?>(more.Name, more.Value)] : null);

    [LoggerMessage(1, LogLevel.Warning, "Kafka has not acknowledged {Failed} of {Count} messages of a request within {Timeout} (Ingest:ProduceTimeout).")]
    private partial void LogNotInTime(int failed, int count, TimeSpan timeout);

    [LoggerMessage(2, LogLevel.Warning, "Message {Id} was answered with an error: {Reason}")]
    private partial void LogRefused(string id, string reason);

    /// <summary>Continues elsewhere: the client's own thread must not run what comes after an acknowledgement.</summary>
    private sealed class Acknowledgement()
        : TaskCompletionSource<ProducedMessage>(TaskCreationOptions.RunContinuationsAsynchronously), IProduceAcknowledgement
    {
        public void Acknowledged(in ProducedMessage produced) => TrySetResult(produced);

        public void Failed(ProduceFailedException failure)
        {
            TrySetException(failure);
            _ = Task.Exception; // Seen: the request may have been answered before.
        }
    }
}
