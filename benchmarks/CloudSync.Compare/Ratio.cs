using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace CloudSync.Compare;

/// <summary>Ours against a baseline, over all rounds. Rates are messages a second, and medians.</summary>
internal sealed record Ratio
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public required string Arm { get; init; }

    public required string Baseline { get; init; }

    public required double Ours { get; init; }

    public required double Base { get; init; }

    /// <summary>The median of the rounds' ratios: the two of one round ran within minutes of each other, as neighbours where their order allows it, while what else the machine does was about the same.</summary>
    [JsonPropertyName("ratio")]
    public required double Value { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Which of ours it is.</summary>
    public required string Contender { get; init; }

    /// <summary>The lowest ratio of one round.</summary>
    public required double Min { get; init; }

    /// <summary>The highest ratio of one round.</summary>
    public required double Max { get; init; }

    public required double OursMin { get; init; }

    public required double OursMax { get; init; }

    public required double BaseMin { get; init; }

    public required double BaseMax { get; init; }

    public required long Messages { get; init; }

    public required double? BytesPerMessage { get; init; }

    public required double? BaseBytesPerMessage { get; init; }

    public required double? CpuSecondsPerMillion { get; init; }

    public required double? BaseCpuSecondsPerMillion { get; init; }

    public static Ratio Of(string arm, string contender, IReadOnlyList<RunResult> ours, string baseline, IReadOnlyList<RunResult> theirs)
    {
        var rates = ours.Select(result => result.Rate).ToArray();
        var baseRates = theirs.Select(result => result.Rate).ToArray();
        var rounds = rates.Zip(baseRates, (rate, baseRate) => rate / baseRate).ToArray();
        return new Ratio
        {
            Arm = arm,
            Contender = contender,
            Baseline = baseline,
            Ours = Math.Round(Median(rates)),
            Base = Math.Round(Median(baseRates)),
            Value = Math.Round(Median(rounds), 3),
            Rounds = rounds.Length,
            Min = Math.Round(rounds.Min(), 3),
            Max = Math.Round(rounds.Max(), 3),
            OursMin = Math.Round(rates.Min()),
            OursMax = Math.Round(rates.Max()),
            BaseMin = Math.Round(baseRates.Min()),
            BaseMax = Math.Round(baseRates.Max()),
            Messages = ours[0].Messages,
            BytesPerMessage = MedianOf(ours, result => result.BytesPerMessage),
            BaseBytesPerMessage = MedianOf(theirs, result => result.BytesPerMessage),
            CpuSecondsPerMillion = MedianOf(ours, result => result.CpuSecondsPerMillion),
            BaseCpuSecondsPerMillion = MedianOf(theirs, result => result.CpuSecondsPerMillion),
        };
    }

    /// <summary>The middle one, or the mean of the middle two.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToArray();
        return (ordered[(ordered.Length - 1) / 2] + ordered[ordered.Length / 2]) / 2;
    }

    /// <summary>One line.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    public string ToText() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Arm}: {Contender} : {Baseline} = {Value:0.00} ({Min:0.00}..{Max:0.00} in {Rounds} rounds of {Messages:N0}); {Ours:N0}/s ({OursMin:N0}..{OursMax:N0}) : {Base:N0}/s ({BaseMin:N0}..{BaseMax:N0}){Beside("B/msg", BytesPerMessage, BaseBytesPerMessage)}{Beside("CPU s/M", CpuSecondsPerMillion, BaseCpuSecondsPerMillion)}");

    private static string Beside(string unit, double? ours, double? theirs) =>
        ours is null ? "" : string.Create(CultureInfo.InvariantCulture, $"; {ours:N1} : {(theirs is null ? "?" : theirs.Value.ToString("N1", CultureInfo.InvariantCulture))} {unit}");

    private static double? MedianOf(IReadOnlyList<RunResult> results, Func<RunResult, double?> figure) =>
        results.All(result => figure(result) is not null) ? Math.Round(Median(results.Select(result => figure(result)!.Value)), 2) : null;
}
