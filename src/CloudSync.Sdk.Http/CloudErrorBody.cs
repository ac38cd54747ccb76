using System.Collections.Frozen;
using System.Text;
using System.Text.Json;

namespace CloudSync.Sdk;

/// <summary>
/// Knows the errors of the clouds by the codes in their answers, where the HTTP status alone misleads: AWS throttles with a 400, which without its code would be the message's
/// own fault. Pure; no answer makes it throw.
/// </summary>
/// <remarks>
/// Where a code is looked for: the headers <c>x-amzn-errortype</c>, <c>x-ms-error-code</c> and <c>grpc-status</c>; in JSON <c>__type</c>, <c>code</c>, <c>Code</c>,
/// <c>error.code</c>, <c>Error.Code</c> and Google's <c>error.status</c>; in XML the first <c>&lt;Code&gt;</c>. Of an error of credentials, a general
/// word such as <c>InvalidSignature</c> in a JSON <c>code</c> is left to the status: it may be about what is in the message.
/// </remarks>
public static class CloudErrorBody
{
    /// <summary>Longer than any code; a namespace (<c>com.amazonaws.…#</c>) may stand before it.</summary>
    private const int MaxCode = 200;

    private const string Suffix = "Exception";

    /// <summary>
    /// By code; a star stands for <c>Exception</c> or nothing. Left out is what an endpoint of one's own may say of a single message with a 400, such as <c>LimitExceeded</c> of a
    /// credit: taken for a cloud's, it would hold up all the others.
    /// </summary>
    private static readonly FrozenDictionary<string, ErrorType> Codes = new (ErrorType Type, string Codes)[]
    {
        (ErrorType.RateLimited,
            "Throttling* Throttled* RequestThrottled* ThrottledRequest EC2Throttled* RequestLimitExceeded* BandwidthLimitExceeded LimitExceededException TooManyRequests* SlowDown "
            + "ProvisionedThroughputExceeded* RequestRateTooLarge ServerBusy SubscriptionRequestsThrottled"),
        (ErrorType.Authentication,
            "ExpiredToken* TokenRefreshRequired RequestTimeTooSkewed UnrecognizedClient* InvalidClientTokenId InvalidAccessKeyId InvalidSignature* SignatureDoesNotMatch* "
            + "IncompleteSignature* MissingAuthenticationToken* AccessDeniedException OptInRequired AuthenticationFailed AuthorizationFailed AuthorizationFailure "
            + "AuthorizationPermissionMismatch InvalidAuthenticationInfo InvalidAuthenticationToken InvalidAuthenticationTokenTenant ExpiredAuthenticationToken AccountIsDisabled "
            + "InsufficientAccountPermissions"),
        (ErrorType.Timeout, "RequestTimeout* OperationTimedOut GatewayTimeout"),
        (ErrorType.ServiceUnavailable,
            "ServiceUnavailable* InternalFailure* InternalError* InternalServerError* InternalServerException InternalServiceError* ResourceNotFoundException QueueDoesNotExist "
            + "NonExistentQueue NoSuchBucket"),
        (ErrorType.Transient, "ConcurrentModificationException TransactionInProgressException TransactionConflictException PriorRequestNotComplete OperationAborted"),
        (ErrorType.ValidationError,
            "ValidationException ValidationError InvalidParameterException InvalidParameterValue* InvalidParameterCombination MissingParameter InvalidArgument "
            + "RequestEntityTooLargeException RequestBodyTooLarge MessageTooLong InvalidMessageContents InvalidInput InvalidXmlDocument"),
        (ErrorType.SerializationError, "SerializationException"),
    }.SelectMany(group => group.Codes.Split(' ').SelectMany(Spellings).Select(code => (Code: code, group.Type)))
        .ToFrozenDictionary(known => known.Code, known => known.Type, StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// What an endpoint of one's own may as well say of a single message in a <c>code</c>, such as the signature of a document: taken for its answer to our credentials, it would open the
    /// breaker. It counts where the clouds alone write: the headers, <c>__type</c>, and XML.
    /// </summary>
    private static readonly FrozenSet<string> Ambiguous = (
        "ExpiredToken InvalidSignature InvalidSignatureException SignatureDoesNotMatch IncompleteSignature MissingAuthenticationToken AuthenticationFailed AuthorizationFailed "
        + "AuthorizationFailure InvalidAuthenticationInfo InvalidAuthenticationToken AccountIsDisabled").Split(' ').ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>What a cloud's error says of the message.</summary>
    /// <param name="answer">An answer that is no success.</param>
    /// <returns>
    /// The kind, or <see langword="null"/> for 'not mine': no code that is known, or one for which the message would be given up while the status says that it may pass.
    /// </returns>
    /// <exception cref="ArgumentNullException"><paramref name="answer"/> is <see langword="null"/>.</exception>
    public static ErrorClassification? Classify(HttpAnswer answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        var type = OfCode(answer.Header("x-amzn-errortype"))
            ?? OfCode(answer.Header("x-ms-error-code"))
            ?? OfGrpc(answer.Header("grpc-status"))
            ?? OfBody(answer.Body.Span);
        return type is { } known && (!RetryPolicy.IsPermanent(known) || RetryPolicy.IsPermanent(HttpStatus.ErrorTypeOf(answer.Status) ?? known))
            ? new ErrorClassification(known)
            : null;
    }

    private static ErrorType? OfCode(string? text, bool mayBeAnybodys = false)
    {
        if (text is null or { Length: > MaxCode })
            return null;

        // 'com.amazonaws.dynamodb.v20120810#ThrottlingException:http://…', 'AWS.SimpleQueueService.NonExistentQueue'.
        var code = text.AsSpan();
        if (code.LastIndexOf('#') is var space and >= 0)
            code = code[(space + 1)..];
        if (code.IndexOf(':') is var end and >= 0)
            code = code[..end];
        if (code.LastIndexOf('.') is var dot and >= 0)
            code = code[(dot + 1)..];

        code = code.Trim();
        if (Codes.TryGetValue(code.ToString(), out var type))
            return mayBeAnybodys && Ambiguous.Contains(code.ToString()) ? null : type;

        // Services have their own: KMSThrottlingException, DirectConnectThrottled.
        var name = code.EndsWith(Suffix, StringComparison.Ordinal) ? code[..^Suffix.Length] : code;
        return name.EndsWith("Throttling", StringComparison.Ordinal) || name.EndsWith("Throttled", StringComparison.Ordinal) ? ErrorType.RateLimited : null;
    }

    private static IEnumerable<string> Spellings(string code) => code.EndsWith('*') ? [code[..^1], code[..^1] + Suffix] : [code];

    private static ErrorType? OfGrpc(string? status) => int.TryParse(status, out var code) && code is > 0 and <= 16 ? GrpcStatus.ErrorTypeOf(code) : null;

    private static ErrorType? OfBody(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith("\uFEFF"u8))
            body = body[3..];

        body = body.TrimStart(" \t\r\n"u8);
        return body.StartsWith("{"u8) ? OfJson(body) : body.StartsWith("<"u8) ? OfXml(body) : null;
    }

    /// <summary>Reads as far as there is something to read: the body may be cut, or be anything.</summary>
    private static ErrorType? OfJson(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, isFinalBlock: false, state: default);
        var isInError = false;
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth > 2)
                    continue;

                var isCode = reader.ValueTextEquals("code"u8) || reader.ValueTextEquals("Code"u8);
                var isType = reader.CurrentDepth == 1 && reader.ValueTextEquals("__type"u8);
                var isStatus = reader.CurrentDepth == 2 && reader.ValueTextEquals("status"u8);
                if (reader.CurrentDepth == 1)
                    isInError = reader.ValueTextEquals("error"u8) || reader.ValueTextEquals("Error"u8);

                var isOurs = reader.CurrentDepth == 1 || isInError;
                if (!reader.Read())
                    break;

                if (!isOurs || reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length > MaxCode)
                    continue;

                var type = isCode || isType ? OfCode(reader.GetString(), mayBeAnybodys: isCode) : isStatus ? GrpcStatus.ErrorTypeOf(reader.GetString()!) : null;
                if (type is not null)
                    return type;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or a text that is none (broken UTF-8, half a surrogate pair): nothing more to be learnt.
        }

        return null;
    }

    private static ErrorType? OfXml(ReadOnlySpan<byte> body)
    {
        var start = body.IndexOf("<Code>"u8);
        if (start < 0)
            return null;

        var code = body[(start + 6)..];
        return code.IndexOf((byte)'<') is var end and >= 0 and <= MaxCode ? OfCode(Encoding.UTF8.GetString(code[..end])) : null;
    }
}
