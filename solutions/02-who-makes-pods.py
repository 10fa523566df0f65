# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Lab 02 · Who makes Pods
#
# You write a Deployment, and a moment later there are Pods. In between stand two controllers and
# one object that you did not write. In this lab you take things away from them, one after the
# other, and see what is put back, by whom, and what is not. 30 to 40 minutes.

# %%
from nodebynode import Lab

lab = Lab("02")

# %% [markdown]
# ## Round 1 · The chain
#
# The forum's answer says: the Deployment controller *requests* the Pods from another controller, and
# that one makes them.
#
# **Guess:** who makes the three Pods? Run the cell to see what can be answered.

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("maker", ...)
lab.predict("maker", "the Deployment controller")
### END SOLUTION

# %% language="bash" tags=["setup"]
# kubectl apply -f - <<'YAML'
# apiVersion: apps/v1
# kind: Deployment
# metadata:
#   name: shop
# spec:
#   replicas: 3
#   selector:
#     matchLabels: {app: shop}
#   template:
#     metadata:
#       labels: {app: shop}
#     spec:
#       terminationGracePeriodSeconds: 2
#       containers:
#         - name: shop
#           image: localhost/shop:v1
# YAML
# kubectl rollout status deployment/shop --timeout=60s

# %% [markdown]
# Each controller tells what it does in **Events**. Read who speaks:

# %% language="bash"
# for reason in ScalingReplicaSet SuccessfulCreate Scheduled; do
#   kubectl get events --field-selector "reason=$reason" --no-headers \
#     -o custom-columns=FROM:.reportingComponent,MESSAGE:.message
# done

# %%
lab.compare("maker")

# %% [markdown]
# The Deployment controller made *one* object, a **ReplicaSet**, and gave it a size. The ReplicaSet
# controller made the Pods. The scheduler gave each a node. The same chain as a picture:

# %%
lab.map().owners()

# %% [markdown]
# The arrows stand in the objects themselves: each names its owner. `OWNER` below is how to ask for
# that name.
#
# **Your turn.** The first two lines begin at a Pod. Add the last link: the owner of the ReplicaSet.

# %% tags=["exercise"]
OWNER = "jsonpath={.metadata.ownerReferences[0].name}"
pod = lab.kubectl("get", "pods", "-l", "app=shop", "-o", "jsonpath={.items[0].metadata.name}")
replicaset = lab.kubectl("get", "pod", pod, "-o", OWNER)
### BEGIN SOLUTION deployment = ...   # the owner of the ReplicaSet
deployment = lab.kubectl("get", "replicaset", replicaset, "-o", OWNER)
### END SOLUTION

# %% tags=["check"]
lab.check("chain", [pod, replicaset, deployment])

# %% [markdown]
# ## Round 2 · Go past the Deployment
#
# The ReplicaSet has a size of its own. You can set it.
#
# **Guess:** you set it to 5. What is it a few seconds later?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("scaled", ...)
lab.predict("scaled", 5)
### END SOLUTION

# %% [markdown]
# Keep the map in sight. It will be quick; *Step back* shows it again.

# %%
lab.live()

# %% [markdown]
# **Your turn.** The first line finds the ReplicaSet. Scale it, not the Deployment, to 5.

# %% language="bash" tags=["exercise"]
# replicaset=$(kubectl get replicasets -l app=shop -o name)
# ### BEGIN SOLUTION # kubectl scale ...
# kubectl scale "$replicaset" --replicas=5
# ### END SOLUTION

# %% tags=["check"]
lab.check("put-back")

# %% language="bash"
# kubectl get events --field-selector reason=ScalingReplicaSet \
#   -o custom-columns=FROM:.reportingComponent,MESSAGE:.message

# %%
lab.compare("scaled")

# %% [markdown]
# Nothing forbade it. You wrote a number, and the Deployment controller wrote over it. Each level
# keeps the one below to its word, all the time. The ReplicaSet controller may even have begun to
# make two Pods, and had to stop them.
#
# ## Round 3 · Take a label away
#
# How does a ReplicaSet know which Pods to count? By their labels. Its **selector** says which.
#
# **Guess:** one Pod loses its label `app`. How many Pods run then, that one counted?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("counted", ...)
lab.predict("counted", 3)
### END SOLUTION

# %% [markdown]
# **Your turn.** Take the label `app` away from exactly one Pod. `KEY-` takes a label away.

# %% language="bash" tags=["exercise"]
# pod=$(kubectl get pods -l app=shop -o name | head -1)
# ### BEGIN SOLUTION # kubectl label "$pod" ...
# kubectl label "$pod" app-
# ### END SOLUTION

# %% tags=["check"]
lab.check("let-go")

# %%
lab.compare("counted")

# %%
lab.map().owners()

# %% [markdown]
# The Pod was not renamed, restarted or moved. It runs on, and nobody owns it. Three others are
# counted. People use this to look at a sick Pod in peace: out of the ReplicaSet, and out of each
# Service that looks for that label.
#
# **Guess:** and when it gets its label back?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("returned", ...)
lab.predict("returned", "it runs on alone: shop has its three")
### END SOLUTION

# %% [markdown]
# **Your turn.** Find the Pod without the label, and give it `app=shop` again. (`-l '!app'` selects
# those that have no label `app`.)

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl label pods -l '!app' app=shop
# ### END SOLUTION

# %% tags=["check"]
lab.check("taken-in")

# %%
lab.compare("returned")

# %% [markdown]
# It was **adopted**. Four are one too many, so one was stopped: often a younger one, but not by
# promise. Lab 06 has the rules by which it is chosen.
#
# ## Round 4 · Take the middle away
#
# Deployment, ReplicaSet, Pods. What if the middle is missing? Usually what an object owns goes with
# it. With `--cascade=orphan` only the object itself is deleted, and the Pods are **orphans**.
#
# **Guess:** how many new Pods are made? And who owns the Pods afterwards?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("orphans", ...)
lab.predict("orphans", 3)
### END SOLUTION

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("heir", ...)
lab.predict("heir", "a new ReplicaSet of another name")
### END SOLUTION

# %% [markdown]
# First the lab remembers which Pods there are.

# %%
lab.remember("shop")

# %% [markdown]
# **Your turn.** Find the ReplicaSet, as in round 2, and delete it with `--cascade=orphan`.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# replicaset=$(kubectl get replicasets -l app=shop -o name)
# kubectl delete "$replicaset" --cascade=orphan
# ### END SOLUTION

# %% tags=["check"]
lab.check("adopted")

# %%
lab.compare()

# %% [markdown]
# The Deployment missed its ReplicaSet, and made it again. Its name ends in a **hash** of the Pod's
# template, so the same template gives the same name; the Pods carry that hash as a label. The new
# ReplicaSet looked for Pods with its labels, found three without an owner, and had nothing to make.
#
# ## Round 5 · A Pod that nobody keeps
#
# You can make a Pod without any of this. `loner` is such a **bare** Pod.

# %% language="bash"
# kubectl apply -f - <<'YAML'
# apiVersion: v1
# kind: Pod
# metadata:
#   name: loner
#   labels: {app: loner}
# spec:
#   terminationGracePeriodSeconds: 2
#   containers:
#     - name: shop
#       image: localhost/shop:v1
# YAML
# kubectl wait pod loner --for=condition=Ready --timeout=60s

# %%
lab.remember("shop")

# %% [markdown]
# **Guess:** you delete `loner`, and one Pod of `shop`. Which is replaced?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("replaced", ...)
lab.predict("replaced", "both")
### END SOLUTION

# %% [markdown]
# **Your turn.** Delete both: `loner`, and exactly one Pod of `shop`.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# one=$(kubectl get pods -l app=shop -o name | head -1)
# kubectl delete pod loner
# kubectl delete "$one"
# ### END SOLUTION

# %% tags=["check"]
lab.check("one-of-two")

# %%
lab.compare("replaced")

# %% [markdown]
# "Kubernetes heals itself" means: somebody owns the Pod, and counts. In lab 05 `kubectl drain` will
# refuse to touch a bare Pod, for this reason.
#
# ## Round 6 · Why there are two levels
#
# A Deployment could count Pods itself. Why the ReplicaSet in between? Because a Deployment may need
# *two* of them: one for each version of the template.
#
# **Guess:** you roll out version 2, and then version 1 again. How many ReplicaSets has `shop` then?

# %% tags=["predict"]
### BEGIN SOLUTION lab.predict("sets", ...)
lab.predict("sets", 3)
### END SOLUTION

# %% [markdown]
# **Your turn, alone.** Roll out `localhost/shop:v2`, wait until all is done, then go back to
# `localhost/shop:v1` and wait again. (`kubectl set image deployment/shop shop=IMAGE`, and
# `kubectl rollout status deployment/shop --timeout=60s`.) At no time fewer than three Pods ready.

# %% language="bash" tags=["exercise"]
# ### BEGIN SOLUTION
# kubectl set image deployment/shop shop=localhost/shop:v2
# kubectl rollout status deployment/shop --timeout=60s
# kubectl set image deployment/shop shop=localhost/shop:v1
# kubectl rollout status deployment/shop --timeout=60s
# ### END SOLUTION

# %% tags=["check"]
lab.check("two-levels")

# %%
lab.compare("sets")

# %%
lab.steps("shop")

# %% [markdown]
# In the table two numbers change, and three Pods at least are available in every row. The way back
# was short: the same template has the same hash, so the old ReplicaSet was there and only had to grow
# again. What lies between the rows is lab 06.
#
# Everything was recorded. Play it once more.

# %%
lab.replay()

# %% [markdown]
# ## In your own words
#
# A colleague says: "The Deployment makes the Pods, and it keeps them." Put it right in three
# sentences.
#
# <details><summary>One way to say it</summary>
#
# A Deployment keeps ReplicaSets, one for each version of its template, and sets their sizes. A
# ReplicaSet keeps a number of Pods: it counts those that have its labels and no other owner, makes
# what is missing and stops what is too many. A Pod that nobody owns is kept by nobody.
#
# </details>
#
# ## What it came to
#
# Your guesses and what came, the checks, what to remember, and what is next.

# %%
lab.summary()

# %% [markdown]
# The last cell puts the cluster back: your namespace goes.

# %%
lab.close()
