using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace CloudSync.LoadTest.Reports.Html;

/// <summary>A piece of HTML or SVG. Made by <see cref="Of"/>, which encodes whatever is put into it and is no such piece itself: a text of others can't become a tag.</summary>
internal readonly struct Markup
{
    private readonly string? _html;

    private Markup(string html) => _html = html;

    public static Markup Empty { get; } = new("");

    public static Markup Of(MarkupBuilder html) => new(html.ToString());

    /// <summary>A file that is part of this program, as it is.</summary>
    public static Markup OfResource(string name)
    {
        using var reader = new StreamReader(typeof(Markup).Assembly.GetManifestResourceStream(name)!);
        return new(reader.ReadToEnd());
    }

    public static Markup Join(IEnumerable<Markup> pieces) => new(string.Concat(pieces.Select(piece => piece._html)));

    public override string ToString() => _html ?? "";
}

/// <summary>What the compiler makes of the text of <see cref="Markup.Of"/>.</summary>
[InterpolatedStringHandler]
internal readonly ref struct MarkupBuilder(int literalLength, int holes)
{
    private const int TypicalHole = 16;

    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StringBuilder _html = new(literalLength + (holes * TypicalHole));

    public void AppendLiteral(string html) => _html.Append(html);

    public void AppendFormatted(Markup piece) => _html.Append(piece.ToString());

    public void AppendFormatted(IEnumerable<Markup> pieces) => _html.Append(Markup.Join(pieces).ToString());

    public void AppendFormatted(string? text) => _html.Append(Encoder.Encode(text ?? ""));

    public void AppendFormatted(int number) => _html.Append(number.ToString(CultureInfo.InvariantCulture));

    /// <summary>A place in a drawing: a tenth of a pixel is enough.</summary>
    public void AppendFormatted(double number) => _html.Append(number.ToString("0.#", CultureInfo.InvariantCulture));

    public override string ToString() => _html.ToString();
}
