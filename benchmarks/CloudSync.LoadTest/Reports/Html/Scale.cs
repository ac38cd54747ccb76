namespace CloudSync.LoadTest.Reports.Html;

/// <summary>Where a value stands on an axis.</summary>
internal abstract record Scale
{
    /// <summary>0 at the beginning of the axis, 1 at its end; what is beyond stands at the end.</summary>
    public abstract double Share(double value);

    /// <summary>The values that are written beside it, rising.</summary>
    public abstract IReadOnlyList<double> Ticks { get; }

    protected static double Between0And1(double share) => double.IsFinite(share) ? Math.Clamp(share, 0, 1) : 0;
}

/// <summary>From 0, in even steps.</summary>
internal sealed record LinearScale : Scale
{
    private const int MostTicks = 6;

    private readonly double _most;

    private LinearScale(double step, int steps)
    {
        _most = step * steps;
        Ticks = [.. Enumerable.Range(0, steps + 1).Select(index => step * index)];
    }

    public override IReadOnlyList<double> Ticks { get; }

    /// <summary>The smallest with room for all values, whose steps are 1, 2 or 5 of a power of ten.</summary>
    public static LinearScale For(IEnumerable<double> values)
    {
        var most = values.Where(double.IsFinite).Append(0).Max();
        if (most <= 0)
            return new LinearScale(1, 1);

        var step = Steps(most).First(step => most / step <= MostTicks - 1);
        return new LinearScale(step, (int)Math.Ceiling(most / step));
    }

    public override double Share(double value) => Between0And1(value / _most);

    private static IEnumerable<double> Steps(double most)
    {
        for (var power = Math.Floor(Math.Log10(most)) - 1; ; power++)
        {
            foreach (var factor in (double[])[1, 2, 5])
                yield return factor * Math.Pow(10, power);
        }
    }
}

/// <summary>Each power of ten takes as much room as the next.</summary>
internal sealed record LogScale : Scale
{
    private const int FewestTicks = 3;
    private const int MostTicks = 8;

    // What is so little beyond a power of ten gets no decade of its own: it stands at the edge.
    private const double Beyond = 1.05;

    private readonly double _least;
    private readonly double _most;
    private readonly double _offset;

    private LogScale(double least, double most, double offset)
    {
        (_least, _most, _offset) = (least, most, offset);
        Ticks = offset > 0 ? [0, .. TicksBetween(1, most)] : TicksBetween(least, most);
    }

    public override IReadOnlyList<double> Ticks { get; }

    /// <summary>From the least to the greatest value, and no further: for what goes along.</summary>
    public static LogScale Along(IEnumerable<double> values)
    {
        var (least, most) = Bounds(values);
        return least < most ? new(least, most, 0) : new(least / 2, most * 2, 0);
    }

    /// <summary>Some room more below and above, up to a power of ten where there are several: for what goes up.</summary>
    public static LogScale Around(IEnumerable<double> values)
    {
        var (least, most) = Bounds(values);
        return most / least < 10
            ? new(least / 1.5, most * 1.5, 0)
            : new(PowerOfTen(least * Beyond, Math.Floor), PowerOfTen(most / Beyond, Math.Ceiling), 0);
    }

    /// <summary>With a place for 0, below 1: for what is counted, and is mostly none.</summary>
    public static LogScale FromZero(IEnumerable<double> values) => new(0, Math.Max(10, PowerOfTen(Bounds(values).Most, Math.Ceiling)), 1);

    public override double Share(double value) => value < _least
        ? 0
        : Between0And1(Math.Log10((value + _offset) / (_least + _offset)) / Math.Log10((_most + _offset) / (_least + _offset)));

    private static (double Least, double Most) Bounds(IEnumerable<double> values)
    {
        var positive = values.Where(value => value > 0 && double.IsFinite(value)).DefaultIfEmpty(1).ToArray();
        return (positive.Min(), positive.Max());
    }

    private static double PowerOfTen(double value, Func<double, double> round) => Math.Pow(10, round(Math.Round(Math.Log10(value), 9)));

    // Powers of ten where there are enough, else more between them; of too many each second or third.
    private static double[] TicksBetween(double least, double most)
    {
        var ticks = ((double[][])[[1], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]])
            .Select(factors => Multiples(factors, least, most))
            .Aggregate((few, more) => few.Length >= FewestTicks ? few : more);
        var every = (ticks.Length + MostTicks - 1) / MostTicks;
        return [.. ticks.Where((_, index) => index % every == 0)];
    }

    private static double[] Multiples(double[] factors, double least, double most) =>
    [
        .. Enumerable.Range((int)Math.Floor(Math.Log10(least)), (int)Math.Ceiling(Math.Log10(most)) - (int)Math.Floor(Math.Log10(least)) + 1)
            .SelectMany(power => factors.Select(factor => Math.Round(factor * Math.Pow(10, power), 9)))
            .Where(tick => tick >= least * 0.999 && tick <= most * 1.001),
    ];
}
