// B inputs, C classes
using Granary.Training.Tasks;
using static TorchSharp.torch;

namespace Granary.Torch;

/// <summary>Answers of models that choose among classes, for an <see cref="IPredictor"/>.</summary>
public static class Answers
{
    /// <summary>For each row the class with the highest logit, and all classes with their probabilities by softmax.</summary>
    /// <param name="logits_BC">A row for each input, a column for each class.</param>
    /// <param name="labels">The names of the classes.</param>
    public static IReadOnlyList<Prediction> Of(Tensor logits_BC, IReadOnlyList<string> labels)
    {
        using var odds_BC = logits_BC.to(float32).softmax(1);
        var odds = odds_BC.Values<float>();
        var answers = new Prediction[odds.Length / labels.Count];
        for (var i = 0; i < answers.Length; i++)
        {
            var row = odds.AsSpan(i * labels.Count, labels.Count).ToArray();
            Choice[] choices = [.. labels.Zip(row, (label, odd) => new Choice(label, odd)).OrderByDescending(choice => choice.Probability)];
            answers[i] = new(choices[0].Label, choices);
        }
        return answers;
    }
}
