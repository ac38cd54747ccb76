using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace CloudSync.Sdk.Ingest;

/// <summary><c>POST /api/sync</c> and <c>POST /api/sync/batch</c>: 202 only after the brokers' acknowledgement.</summary>
internal sealed class IngestEndpoints(
    ICloudSyncProducer producer, IOptions<CloudSyncIngestOptions> options, ILogger<IngestEndpoints> logger, TimeProvider? time = null, ProducerHealthCheck? kafka = null)
{
    public const string Json = "application/json";
    public const string Lines = "application/x-ndjson";
    public const string Event = "application/cloudevents+json";
    public const string EventBatch = "application/cloudevents-batch+json";
    public const string IdempotencyKey = "Idempotency-Key";

    private const int MostTakenAhead = 16 * 1024;

    private readonly CloudSyncIngestOptions _options = options.Value;
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private int _requests;

    /// <summary>Told what a batch held at most, once it is over. For tests.</summary>
    internal Action<BatchReader, InFlight>? BatchEnded { get; set; }

    public Task PostOneAsync(HttpContext context) => PostAsync(context, OneAsync);

    public Task PostManyAsync(HttpContext context) => PostAsync(context, ManyAsync);

    /// <summary>Each request holds memory for as long as its client sends, and Kafka takes: so many at a time, and no more.</summary>
    private async Task PostAsync(HttpContext context, Func<HttpContext, Task<IResult>> post)
    {
        var result = TooMany;
        if (Interlocked.Increment(ref _requests) <= _options.MaxConcurrentRequests)
        {
            try
            {
                result = await post(context);
            }
            finally
            {
                Interlocked.Decrement(ref _requests);
            }
        }
        else
        {
            Interlocked.Decrement(ref _requests);
            Problem.AskToComeAgain(context, _options.RetryAfter);
        }

        await result.ExecuteAsync(context);
    }

    private async Task<IResult> OneAsync(HttpContext context)
    {
        var request = context.Request;
        var isBinary = CloudEventReader.IsBinary(request.Headers);
        var type = TypeOf(request);
        if (WhatIsWrongWithTheContent(request, type, isBinary ? null : [Json, Event]) is { } unsupported)
            return Unsupported(context, unsupported, $"{Json}, {Event}");

        var errors = new FieldErrors();
        var header = IdFromHeader(request, errors);
        ReadOnlyMemory<byte>? body;
        try
        {
            body = await ReadBodyAsync(request, _options.MaxBodyBytes);
        }
        catch (Exception e) when (StatusOf(e, context) is { } status)
        {
            return Unread(context, status);
        }

        if (body is null)
            return TooLarge(_options.MaxBodyBytes);

        var read = Is(type, Event) ? CloudEventReader.ReadStructured(body.Value, ItemPlace.Body, _options)
            : isBinary ? CloudEventReader.ReadBinary(request.Headers, body.Value, _options)
            : SyncRequestReader.Read(body.Value, ItemPlace.Body, _options);
        if (errors.All.Count > 0 || read.Errors.Count > 0)
            return Problem.Of([.. read.Errors, .. errors.All]);

        try
        {
            using var inFlight = new InFlight(producer, _options, _time, context.RequestAborted);
            await inFlight.ProduceAsync(RequestTrace.Of(request).On(read.Message.Id is null ? read.Message with { Id = header ?? NewId() } : read.Message), ItemPlace.Body);
            await inFlight.FinishAsync();
            Log(inFlight);
            return AnswerOne(context, inFlight.Results[0]);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            return TypedResults.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
    }

    private async Task<IResult> ManyAsync(HttpContext context)
    {
        var request = context.Request;
        var type = TypeOf(request);
        if (WhatIsWrongWithTheContent(request, type, [Json, Lines, EventBatch]) is { } unsupported)
            return Unsupported(context, unsupported, $"{Json}, {Lines}, {EventBatch}");
        if (request.ContentLength > _options.MaxBatchBodyBytes)
            return TooLarge(_options.MaxBatchBodyBytes);

        var errors = new FieldErrors();
        var header = IdFromHeader(request, errors);
        if (errors.All.Count > 0)
            return Problem.Of(errors.All);

        LeaveTheLimitToUs(context);
        var isLines = Is(type, Lines);
        var isEvents = Is(type, EventBatch);
        var trace = RequestTrace.Of(request);
        using var inFlight = new InFlight(producer, _options, _time, context.RequestAborted);
        using var items = new BatchReader(request.BodyReader, isLines ? new LineScanner() : new ArrayScanner(), _options);
        try
        {
            var index = 0;
            var rest = await ReadItemsAsync();
            if (rest is not null)
                await inFlight.AddAsync(rest);
            await inFlight.FinishAsync();

            async Task<SyncResult?> ReadItemsAsync()
            {
                try
                {
                    for (; await items.NextAsync(context.RequestAborted) is { } item; index++)
                    {
                        if (index == _options.MaxBatchItems)
                            return Rest(400, index, new FieldError("body", $"holds more messages than the limit of {_options.MaxBatchItems}", _options.MaxBatchItems));

                        var place = new ItemPlace(index, items.Line);
                        var read = isEvents ? CloudEventReader.ReadStructured(item, place, _options) : SyncRequestReader.Read(item, place, _options);
                        if (read.IsBroken && !isLines)
                            return Rest(400, index, [.. read.Errors]);
                        if (read.Errors.Count == 0)
                            await inFlight.ProduceAsync(trace.On(read.Message.Id is null ? read.Message with { Id = header is null ? NewId() : $"{header}-{index}" } : read.Message), place);
                        else
                            await inFlight.AddAsync(new SyncResult(400, read.Message.Id, Detail: Problem.Text(read.Errors)) { Errors = read.Errors });

                        if (inFlight.IsStuck)
                            return await AfterItAsync();
                    }
                }
                catch (Exception e) when (StatusOf(e, context) is { } status && status != StatusCodes.Status499ClientClosedRequest)
                {
                    return Rest(status, index, WhyUnread(context, status));
                }

                if (items.Stop is { } stop)
                    return Rest(stop.Status, index, stop.Error);
                return index == 0 ? Rest(400, 0, new FieldError("body", "must hold at least one message")) : null;
            }

            // What is known to follow is told of; what may not follow at all is not.
            async Task<SyncResult?> AfterItAsync()
            {
                index++;
                return await items.NextAsync(context.RequestAborted) is null && items.Stop is null
                    ? null
                    : new SyncResult(503, Detail: $"Nothing from item {index} on has been accepted: Kafka takes no more at the moment.") { Rest = true };
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException && context.RequestAborted.IsCancellationRequested)
        {
            return TypedResults.StatusCode(StatusCodes.Status499ClientClosedRequest);
        }
        finally
        {
            Log(inFlight);
            BatchEnded?.Invoke(items, inFlight);
        }

        return AnswerMany(context, inFlight.Results);
    }

    private IResult AnswerOne(HttpContext context, SyncResult result)
    {
        if (result.Status == StatusCodes.Status202Accepted)
            return TypedResults.Json(result, IngestJson.Default.SyncResult, statusCode: result.Status);

        if (result.Status == StatusCodes.Status503ServiceUnavailable)
            Problem.AskToComeAgain(context, _options.RetryAfter);
        return Problem.Of(result.Status, result.Detail!, ("id", result.Id), ("errors", result.Errors), ("limit", result.Errors?[0].Limit));
    }

    private IResult AnswerMany(HttpContext context, IReadOnlyList<SyncResult> results)
    {
        var accepted = results.Count(r => r.Status == StatusCodes.Status202Accepted);
        if (results.Any(r => r.Status == StatusCodes.Status503ServiceUnavailable))
            Problem.AskToComeAgain(context, _options.RetryAfter);
        if (accepted > 0)
            return TypedResults.Json(
                new BatchResult(accepted, results.Count - accepted, results),
                IngestJson.Default.BatchResult,
                statusCode: accepted == results.Count ? StatusCodes.Status202Accepted : StatusCodes.Status207MultiStatus);

        // None: what is worth another try counts, then what all have in common.
        var status = results.Any(r => r.Status == StatusCodes.Status503ServiceUnavailable) ? StatusCodes.Status503ServiceUnavailable
            : results.All(r => r.Status == results[0].Status) ? results[0].Status
            : StatusCodes.Status400BadRequest;
        var errors = results.SelectMany(r => r.Errors ?? []).Take(10).ToArray();
        var detail = status == StatusCodes.Status503ServiceUnavailable || errors.Length == 0 ? "Kafka has taken none of the messages." : $"{Problem.Text(errors)} Nothing has been accepted.";
        return Problem.Of(status, detail, ("errors", errors.Length > 0 ? errors : null), ("limit", errors.Length > 0 ? errors[0].Limit : null), ("results", results));
    }

    private static SyncResult Rest(int status, int index, params IReadOnlyList<FieldError> errors) =>
        new(status, Detail: $"Nothing from item {index} on has been accepted: {Problem.Text(errors)}") { Errors = errors, Rest = true };

    private static IResult TooMany => Problem.Of(StatusCodes.Status503ServiceUnavailable, "As many requests are under way as may be. Nothing has been accepted.");

    private static IResult TooLarge(long limit) =>
        Problem.Of(StatusCodes.Status413PayloadTooLarge, $"The body is larger than the limit of {limit} bytes.", ("limit", limit));

    private static IResult Unread(HttpContext context, int status) =>
        status == StatusCodes.Status499ClientClosedRequest ? TypedResults.StatusCode(status) : Problem.Of([WhyUnread(context, status)], status);

    /// <summary>A limit of the server's own counts where somebody before us has begun to read.</summary>
    private static FieldError WhyUnread(HttpContext context, int status) =>
        status == StatusCodes.Status413PayloadTooLarge && context.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize is { } limit
            ? new FieldError("body", $"is larger than the server's own limit of {limit} bytes", limit)
            : new FieldError("body", "could not be read: it ended early, came too slowly, or is framed wrongly");

    private static IResult Unsupported(HttpContext context, string detail, string accept)
    {
        context.Response.Headers.Accept = accept;
        return Problem.Of(StatusCodes.Status415UnsupportedMediaType, detail);
    }

    /// <summary>The answer to a body that can't be read; <see langword="null"/> for a fault of ours.</summary>
    private static int? StatusOf(Exception e, HttpContext context) => e switch
    {
        BadHttpRequestException bad => bad.StatusCode,
        IOException or OperationCanceledException when context.RequestAborted.IsCancellationRequested => StatusCodes.Status499ClientClosedRequest,
        _ => null,
    };

    private string? IdFromHeader(HttpRequest request, FieldErrors errors)
    {
        var values = request.Headers[IdempotencyKey];
        if (values.Count == 0)
            return null;

        // The header's draft standard writes the key as a quoted string; most clients don't.
        var id = values.Count == 1 ? values[0]! : "";
        if (id.Length >= 2 && id[0] == '"' && id[^1] == '"')
            id = id[1..^1];
        if (values.Count > 1)
            errors.Add(IdempotencyKey, "is given twice");
        else if (TextRules.WhatIsWrongWith(id, _options.MaxIdBytes, travelsAsHeader: true) is { } error)
            errors.Add(IdempotencyKey, error.Detail, error.Limit);
        return id;
    }

    private static string? TypeOf(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type) ? type.MediaType : null;

    private string NewId() => MessageIds.New(_time.GetUtcNow()).ToString();

    private static bool Is(string? type, string expected) => expected.Equals(type, StringComparison.OrdinalIgnoreCase);

    /// <summary>What is wrong with a content type; any will do where <paramref name="types"/> is <see langword="null"/>.</summary>
    private static string? WhatIsWrongWithTheContent(HttpRequest request, string? type, string[]? types)
    {
        if (request.Headers.ContentEncoding is { Count: > 0 } encoding && encoding != "identity")
            return "The body must not be compressed.";
        if (types is null && !Is(type, Event))
            return Is(type, EventBatch) ? "A batch of CloudEvents goes to /api/sync/batch." : null;

        var isOther = type is not null && !type.StartsWith("application/cloudevents", StringComparison.OrdinalIgnoreCase) && type.EndsWith("+json", StringComparison.OrdinalIgnoreCase);
        if (types is not null && !isOther && !types.Any(t => Is(type, t)))
            return $"The content type must be one of {string.Join(", ", types)}.";

        var charset = MediaTypeHeaderValue.Parse(request.ContentType!).CharSet;
        return charset is not null && !charset.Trim('"').Equals("utf-8", StringComparison.OrdinalIgnoreCase) ? "The character set must be utf-8." : null;
    }

    /// <summary>The whole body, or <see langword="null"/> when it is larger than the limit. Never holds more than the limit and a byte.</summary>
    private static async Task<ReadOnlyMemory<byte>?> ReadBodyAsync(HttpRequest request, int limit)
    {
        if (request.ContentLength > limit)
            return null;

        LeaveTheLimitToUs(request.HttpContext);
        var cancellation = request.HttpContext.RequestAborted;

        // A length that is claimed costs nobody anything: memory is taken for what has come.
        var buffer = new byte[(int)Math.Min(Math.Min(limit, MostTakenAhead) + 1L, (request.ContentLength ?? 4095) + 1)];
        var length = 0;
        while (await BodyFault.Of(() => request.Body.ReadAsync(buffer.AsMemory(length), cancellation)) is > 0 and var read)
        {
            length += read;
            if (length > limit)
                return null;
            if (length == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min(limit + 1L, buffer.Length * 2L));
        }

        return buffer.AsMemory(0, length);
    }

    /// <summary>The server's own limit counts how a body is framed, too, and breaks it off where we want to say what was accepted.</summary>
    private static void LeaveTheLimitToUs(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
            limit.MaxRequestBodySize = null;
    }

    private void Log(InFlight inFlight)
    {
        if (inFlight.Refused is not { Count: > 0, Reason: { } reason } refused)
            return;

        var count = inFlight.Results.Count;
        if (kafka is null || !inFlight.IsStuck)
        {
            IngestLog.NotTaken(logger, refused.Count, count, reason);
            return;
        }

        // An acknowledgement that has not come does not say why. Kafka is asked for the log, and no caller waits for that: nor the next request of this connection.
        _ = Task.Run(async () =>
        {
            var now = await kafka.CheckHealthAsync(new HealthCheckContext());
            IngestLog.NotTaken(logger, refused.Count, count, now.Status == HealthStatus.Healthy ? reason : $"{reason} {now.Description}");
        });
    }
}
